"""The functions of arrays and tensors: those that NumPy has under its names, and those of networks."""

from tinygrad_bp.ops.activations import (
    binary_step as binary_step,
    elu as elu,
    identity as identity,
    leaky_relu as leaky_relu,
    log_sigmoid as log_sigmoid,
    log_softmax as log_softmax,
    parametric_relu as parametric_relu,
    relu as relu,
    sigmoid as sigmoid,
    softmax as softmax,
    softplus as softplus,
)
from tinygrad_bp.ops.arithmetic import (
    add as add,
    clip as clip,
    divide as divide,
    float_power as float_power,
    floor_divide as floor_divide,
    fmax as fmax,
    fmin as fmin,
    fmod as fmod,
    maximum as maximum,
    minimum as minimum,
    mod as mod,
    multiply as multiply,
    negative as negative,
    positive as positive,
    power as power,
    reciprocal as reciprocal,
    remainder as remainder,
    square as square,
    subtract as subtract,
)
from tinygrad_bp.ops.bitwise import (
    bitwise_and as bitwise_and,
    bitwise_or as bitwise_or,
    bitwise_xor as bitwise_xor,
    invert as invert,
    left_shift as left_shift,
    right_shift as right_shift,
)
from tinygrad_bp.ops.borders import pad as pad
from tinygrad_bp.ops.class_losses import (
    kl as kl,
    kl_divergence as kl_divergence,
    nll as nll,
    softmax_cross_entropy as softmax_cross_entropy,
)
from tinygrad_bp.ops.comparison import (
    equal as equal,
    greater as greater,
    greater_equal as greater_equal,
    isclose as isclose,
    isfinite as isfinite,
    isinf as isinf,
    isnan as isnan,
    less as less,
    less_equal as less_equal,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    logical_xor as logical_xor,
    not_equal as not_equal,
    signbit as signbit,
    where as where,
)
from tinygrad_bp.ops.complex import (
    angle as angle,
    conj as conj,
    conjugate as conjugate,
    imag as imag,
    real as real,
    real_if_close as real_if_close,
)
from tinygrad_bp.ops.convolution import conv1d as conv1d, conv2d as conv2d
from tinygrad_bp.ops.counting import (
    all as all,
    any as any,
    argmax as argmax,
    argmin as argmin,
    count_nonzero as count_nonzero,
    searchsorted as searchsorted,
)
from tinygrad_bp.ops.covariance import corrcoef as corrcoef, cov as cov
from tinygrad_bp.ops.cumulative import (
    cumprod as cumprod,
    cumsum as cumsum,
    cumulative_prod as cumulative_prod,
    cumulative_sum as cumulative_sum,
)
from tinygrad_bp.ops.diagonals import (
    diag as diag,
    diagflat as diagflat,
    diagonal as diagonal,
    trace as trace,
    tril as tril,
    triu as triu,
)
from tinygrad_bp.ops.differences import (
    convolve as convolve,
    correlate as correlate,
    diff as diff,
    ediff1d as ediff1d,
    gradient as gradient,
    trapezoid as trapezoid,
    unwrap as unwrap,
)
from tinygrad_bp.ops.editing import (
    copyto as copyto,
    delete as delete,
    fill_diagonal as fill_diagonal,
    insert as insert,
    place as place,
    putmask as putmask,
    resize as resize,
    select as select,
)
from tinygrad_bp.ops.einsum import einsum as einsum
from tinygrad_bp.ops.exponential import (
    arccosh as arccosh,
    arcsinh as arcsinh,
    arctanh as arctanh,
    cbrt as cbrt,
    cosh as cosh,
    exp as exp,
    exp2 as exp2,
    expm1 as expm1,
    log as log,
    log1p as log1p,
    log2 as log2,
    log10 as log10,
    sinh as sinh,
    sqrt as sqrt,
    tanh as tanh,
)
from tinygrad_bp.ops.gated_activations import gelu as gelu, glu as glu, mish as mish, silu as silu, swish as swish
from tinygrad_bp.ops.grids import (
    geomspace as geomspace,
    interp as interp,
    linspace as linspace,
    logspace as logspace,
    polyval as polyval,
    vander as vander,
)
from tinygrad_bp.ops.indexing import index_update as index_update
from tinygrad_bp.ops.joining import (
    append as append,
    apply_along_axis as apply_along_axis,
    array_split as array_split,
    block as block,
    column_stack as column_stack,
    concatenate as concatenate,
    dsplit as dsplit,
    dstack as dstack,
    hsplit as hsplit,
    hstack as hstack,
    split as split,
    stack as stack,
    tile as tile,
    unstack as unstack,
    vsplit as vsplit,
    vstack as vstack,
)
from tinygrad_bp.ops.linear_algebra import affine as affine, matmul as matmul
from tinygrad_bp.ops.logarithmic_sums import logaddexp as logaddexp, logaddexp2 as logaddexp2
from tinygrad_bp.ops.losses import (
    binary_cross_entropy as binary_cross_entropy,
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    hinge as hinge,
    huber as huber,
    mae as mae,
    mse as mse,
)
from tinygrad_bp.ops.nan_reductions import (
    nancumprod as nancumprod,
    nancumsum as nancumsum,
    nanmax as nanmax,
    nanmedian as nanmedian,
    nanmin as nanmin,
    nanprod as nanprod,
    nanquantile as nanquantile,
    nanstd as nanstd,
    nanvar as nanvar,
)
from tinygrad_bp.ops.normalisation import batch_norm as batch_norm, dropout as dropout, layer_norm as layer_norm
from tinygrad_bp.ops.ordering import (
    argsort as argsort,
    compress as compress,
    extract as extract,
    flip as flip,
    fliplr as fliplr,
    flipud as flipud,
    partition as partition,
    repeat as repeat,
    roll as roll,
    rot90 as rot90,
    sort as sort,
    take as take,
    take_along_axis as take_along_axis,
)
from tinygrad_bp.ops.piecewise_activations import (
    celu as celu,
    hard_shrink as hard_shrink,
    hard_sigmoid as hard_sigmoid,
    hard_swish as hard_swish,
    hard_tanh as hard_tanh,
    relu6 as relu6,
    selu as selu,
    soft_shrink as soft_shrink,
    softsign as softsign,
    threshold as threshold,
)
from tinygrad_bp.ops.pooling import (
    avg_pool1d as avg_pool1d,
    avg_pool2d as avg_pool2d,
    max_pool1d as max_pool1d,
    max_pool2d as max_pool2d,
)
from tinygrad_bp.ops.products import (
    cross as cross,
    dot as dot,
    inner as inner,
    kron as kron,
    outer as outer,
    tensordot as tensordot,
    vdot as vdot,
    vecdot as vecdot,
)
from tinygrad_bp.ops.reductions import (
    amax as amax,
    amin as amin,
    logsumexp as logsumexp,
    max as max,
    mean as mean,
    min as min,
    prod as prod,
    ptp as ptp,
    sum as sum,
)
from tinygrad_bp.ops.rounding import (
    abs as abs,
    absolute as absolute,
    around as around,
    ceil as ceil,
    copysign as copysign,
    fabs as fabs,
    fix as fix,
    floor as floor,
    heaviside as heaviside,
    nan_to_num as nan_to_num,
    rint as rint,
    round as round,
    sign as sign,
    trunc as trunc,
)
from tinygrad_bp.ops.sets import (
    UniqueAllResult as UniqueAllResult,
    UniqueCountsResult as UniqueCountsResult,
    UniqueInverseResult as UniqueInverseResult,
    unique_all as unique_all,
    unique_counts as unique_counts,
    unique_inverse as unique_inverse,
    unique_values as unique_values,
)
from tinygrad_bp.ops.shaping import (
    astype as astype,
    atleast_1d as atleast_1d,
    atleast_2d as atleast_2d,
    atleast_3d as atleast_3d,
    broadcast_arrays as broadcast_arrays,
    broadcast_to as broadcast_to,
    expand_dims as expand_dims,
    meshgrid as meshgrid,
    moveaxis as moveaxis,
    ravel as ravel,
    reshape as reshape,
    rollaxis as rollaxis,
    squeeze as squeeze,
    swapaxes as swapaxes,
    transpose as transpose,
)
from tinygrad_bp.ops.special import (
    digamma as digamma,
    erf as erf,
    erfc as erfc,
    erfinv as erfinv,
    expit as expit,
    gamma as gamma,
    gammaln as gammaln,
    i0 as i0,
    log_ndtr as log_ndtr,
    logit as logit,
    ndtr as ndtr,
    polygamma as polygamma,
    psi as psi,
    xlog1py as xlog1py,
    xlogy as xlogy,
)
from tinygrad_bp.ops.statistics import (
    average as average,
    median as median,
    nanmean as nanmean,
    nansum as nansum,
    percentile as percentile,
    quantile as quantile,
    std as std,
    var as var,
)
from tinygrad_bp.ops.trigonometry import (
    arccos as arccos,
    arcsin as arcsin,
    arctan as arctan,
    arctan2 as arctan2,
    cos as cos,
    deg2rad as deg2rad,
    degrees as degrees,
    hypot as hypot,
    rad2deg as rad2deg,
    radians as radians,
    sin as sin,
    sinc as sinc,
    tan as tan,
)
