"""Training that can be kept: one file with all that it takes to go on, or to predict."""

from tinygrad_bp.nn.checkpoints.checkpoint import Checkpoint as Checkpoint, load as load, save as save
