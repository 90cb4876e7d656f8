// From text to a tree, by recursive descent; the grammar stands in reading.py.
const reading = (() => {
  "use strict";
  const { HADAMARD, MATRIX, DOT, IMPLIED, MINUS, COMPARISONS, term, transposed, walk, symbols } = terms;
  const { AnswerError, CALLED, quoted, tokens } = words;
  const DEEPEST = 30, LARGEST_EXPONENT = 100;
  const BEGINS = new Set(["value", "gradient", "number", "function", "m", "e", "(", "Σ", "√"]);

  const joined = (kind, ...parts) => term(kind, parts, { start: parts[0].start, end: parts.at(-1).end });
  const flat = (left, right) => ({ ...joined(HADAMARD, left, right),
    parts: left.kind === HADAMARD ? [...left.parts, right] : [left, right] });
  const call = (label, part, { start, numpys }, end) =>
    term("call", [part], { label, free: functions.get(label).reduces && !numpys, start, end });

  class Reader {
    constructor(text) {
      Object.assign(this, { found: tokens(text), place: 0, depth: 0 });
    }

    get next() { return this.found[this.place]; }
    begins() { return BEGINS.has(this.next.kind); }
    take(...kinds) { return kinds.includes(this.next.kind) ? this.found[this.place++] : null; }
    need(kind, why) { return this.take(kind) ?? this.refuse(`expected '${kind}' ${why}`); }

    refuse(expected) {
      const { text, start, end } = this.next, got = text ? quoted(text) : "the end";
      throw new AnswerError(`${expected}; got ${got}, at character ${start + 1}.`, start, Math.max(end, start + 1));
    }

    deeper(read) {
      if (++this.depth > DEEPEST)
        throw new AnswerError(`nested more than ${DEEPEST} levels deep.`, this.next.start, this.next.end);
      const found = read();
      this.depth--;
      return found;
    }

    answer(asked) {
      if (this.next.kind === "gradient" && this.found[1].kind === "=") {
        if (this.next.text !== asked) this.refuse(`asked for is ∂C/∂${asked}`);
        this.place = 2;
      }
      const whole = this.choice();
      if (this.next.kind !== "end") this.refuse("expected an operator or the end");
      return whole;
    }

    choice() {
      const first = this.comparison();
      if (!this.take("if")) return first;
      const condition = this.comparison();
      this.need("else", "and what holds where the condition does not");
      return this.deeper(() => joined("if", first, condition, this.choice()));
    }

    comparison() {
      const left = this.sum(), sign = this.take(...COMPARISONS);
      return sign ? joined(sign.kind, left, this.sum()) : left;
    }

    sum() {
      let total = this.hadamard(), sign;
      while ((sign = this.take("+", "-"))) total = joined(sign.kind, total, this.hadamard());
      return total;
    }

    hadamard() {
      let product = this.product();
      while (this.take("⊙")) product = flat(product, this.product());
      return product;
    }

    product() {
      let total = this.chain(), sign;
      while ((sign = this.take("*", "@", "·", "/"))) {
        if (sign.kind === "/") {
          total = joined("/", total, this.signed());
          while (this.begins()) total = joined(IMPLIED, total, this.power());
        } else if (sign.kind === "*") total = flat(total, this.chain());
        else total = joined(sign.kind === "@" ? MATRIX : DOT, total, this.chain());
      }
      return total;
    }

    chain() {
      const parts = [this.signed()];
      while (this.begins()) parts.push(this.power());
      if (parts.length === 1) return parts[0];
      const [first, ...rest] = parts, sign = first.kind === MINUS;
      const whole = joined(IMPLIED, sign ? first.parts[0] : first, ...rest);
      return sign ? { ...first, parts: [whole], end: whole.end } : whole;
    }

    signed() {
      const sign = this.take("-");
      if (sign) {
        const inner = this.deeper(() => this.signed());
        return term(MINUS, [inner], { start: sign.start, end: inner.end });
      }
      return this.take("+") ? this.deeper(() => this.signed()) : this.power();
    }

    power() {
      const base = this.operand(), raised = this.take("raised");
      if (raised)
        return this.checked(joined("**", base, term("number", [], { ...raised, label: Number(raised.text) })));
      return this.take("**") ? this.deeper(() => this.checked(joined("**", base, this.signed()))) : base;
    }

    checked(power) {
      for (const [, part] of walk(power.parts[1])) {
        const tower = part.kind === "**" && !symbols(part).size;
        if (tower || (part.kind === "number" && part.label > LARGEST_EXPONENT))
          throw new AnswerError(`exponents are numbers up to ${LARGEST_EXPONENT}.`, part.start, part.end);
      }
      return power;
    }

    operand() {
      let made = this.atom(), found;
      while ((found = this.take("T", "method")))
        made = found.kind === "T" ? term("T", [made], { start: made.start, end: found.end }) : this.method(found, made);
      return made;
    }

    atom() {
      const found = this.next, { start, end, kind, text } = found;
      if (!BEGINS.has(kind) && kind !== "|") this.refuse("expected a value, a number or '('");
      this.place++;
      if (kind === "value" || kind === "gradient") return term(kind, [], { label: text, start, end });
      if (["number", "m", "e"].includes(kind)) return term("number", [], { label: this.amount(found), start, end });
      if (kind === "|") return this.enclosed(found, "|", "absolute");
      if (kind !== "(") return this.function(found);
      const inner = this.deeper(() => this.choice());
      return { ...inner, start, end: this.need(")", `that closes the one at ${start + 1}`).end };
    }

    amount({ kind, text, start, end }) {
      if (kind === "m" && model.m === null)
        throw new AnswerError("m, the number of examples, is not known in this graph.", start, end);
      return kind === "m" ? model.m : kind === "e" ? Math.E : Number(text);
    }

    function(found) {
      const label = { "Σ": "sum", "√": "sqrt" }[found.kind] ?? found.text;
      if (this.next.kind !== "(") {
        if (CALLED.has(label)) this.refuse(`expected '(' after ${label}`);
        const inner = this.deeper(() => (this.begins() ? this.power() : this.atom()));
        return call(label, inner, found, inner.end);
      }
      this.place++;
      const inner = this.deeper(() => this.comparison());
      return CALLED.has(label) ? this.operator(label, inner, found) : this.options(call(label, inner, found, inner.end));
    }

    operator(label, first, { start }) {
      const kind = CALLED.get(label), parts = [first];
      for (let i = { T: 0, if: 2 }[kind] ?? 1; i > 0; i--) {
        this.need(",", `and another operand of ${label}`);
        parts.push(this.deeper(() => this.comparison()));
      }
      const place = { start, end: this.need(")", `that closes ${label}`).end };
      if (kind === "if") return term(kind, [parts[1], parts[0], parts[2]], place);
      return kind === "outer" ? term(MATRIX, [parts[0], transposed(parts[1])], place) : term(kind, parts, place);
    }

    options(given, begins = false) {
      const { reduces, takesAxis } = functions.get(given.label);
      let made = given;
      while (begins || this.take(",")) {
        begins = false;
        const option = takesAxis ? this.take("word") : null;
        if (option) this.need("=", `after ${option.text}`);
        else if (!reduces || !["number", "-"].includes(this.next.kind))
          this.refuse(`${made.label} takes one operand${reduces ? ", axis and keepdims" : ""}`);
        made = { ...made, ...(option?.text === "keepdims" ? this.keepdims() : this.axis()) };
      }
      return { ...made, end: this.need(")", `that closes ${made.label}`).end };
    }

    keepdims() {
      const { text, start, end } = this.take("True", "False", "number") ?? this.refuse("keepdims is True or False");
      if (!["True", "False", "1", "0"].includes(text)) throw new AnswerError("keepdims is True or False.", start, end);
      return { keepdims: text === "True" || text === "1" };
    }

    axis() {
      const sign = this.take("-") ? -1 : 1;
      const { text, start, end } = this.take("number") ?? this.refuse("axis is a whole number");
      if (!/^[0-3]$/.test(text)) throw new AnswerError("axis is a whole number, 0 or 1 or -1.", start, end);
      return { axis: sign * Number(text) || 0, free: false };
    }

    method({ text, start, end }, operand) {
      const kind = CALLED.get(text), place = { start: operand.start };
      if (kind === "if" || kind === "outer" || !(kind || functions.has(text)))
        throw new AnswerError(`.${text} is not known here.`, start, end);
      this.need("(", `after .${text}`);
      if (!kind) {
        const made = call(text, operand, { start, numpys: true }, end);
        return { ...this.options(made, this.next.kind !== ")"), ...place };
      }
      const others = kind === "T" ? [] : [this.deeper(() => this.comparison())];
      return term(kind, [operand, ...others], { ...place, end: this.need(")", `that closes .${text}`).end });
    }

    enclosed(opening, closing, label) {
      const inner = this.deeper(() => this.sum());
      return call(label, inner, opening, this.need(closing, `that closes the one at ${opening.start + 1}`).end);
    }
  }

  return { read: (text, asked = "") => new Reader(text).answer(asked) };
})();
