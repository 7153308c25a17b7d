"""The moves: what can be changed in a step to need less memory or time, and what each costs.

Papers are named by their number on arXiv, from memory; documentation and source code as read on
2026-11-27 with transformers 5.23, TRL 1.16, PEFT 0.21, accelerate 1.15, liger-kernel 0.8.5.
"""

from __future__ import annotations

from tunewell.core.finding import Safety
from tunewell.plan.launch.start import EXPANDABLE
from tunewell.plan.moves import steps
from tunewell.plan.moves.move import Cost, Move

AVERAGED = Cost(
    "nothing where the trainer averages over all accumulated tokens (transformers 4.46 and newer)",
    "huggingface/transformers pull request 34191",
)
NOTHING = Cost("nothing: the same result but for rounding", "by its definition")
COUNTED = "counted by the simulation"
STATES = frozenset({"optimizer"})
ACTIVATIONS = frozenset({"activations"})
PER_ROW = frozenset({"activations", "logits", "other"})
TRAINED = frozenset({"weights", "gradients", "optimizer"})
EVALUATION = frozenset({"logits"})

MOVES: tuple[Move, ...] = (
    Move(
        id="chunked-loss",
        title="compute the loss in chunks of tokens, so that the logits are never whole",
        when="a language model whose rows times vocabulary are large, and a trainer that can do it",
        speed=Cost(
            "neutral or a little faster: the reports give about the same wall time",
            "huggingface/trl pull request 5846 (chunked loss); Liger Kernel, arXiv 2410.10989",
        ),
        quality=NOTHING,
        safety=Safety.SAFE,
        attacks=frozenset({"logits"}),
        change=steps.chunked_loss,
    ),
    Move(
        id="fused-attention",
        title='attention "sdpa" instead of "eager", without its square matrix',
        when="attention is eager, and nothing needs the attention weights",
        speed=Cost("faster: fewer bytes are moved", "FlashAttention, arXiv 2205.14135"),
        quality=NOTHING,
        safety=Safety.SAFE,
        attacks=ACTIVATIONS,
        change=steps.fused_attention,
    ),
    Move(
        id="flash-attention",
        title="flash attention, which leaves padding out",
        when="a GPU of compute capability 8.0 or more, 16 bits, and the flash-attn package",
        speed=Cost("faster on long rows", "FlashAttention-2, arXiv 2307.08691"),
        quality=NOTHING,
        safety=Safety.SAFE,
        attacks=ACTIVATIONS,
        change=steps.flash_attention,
    ),
    Move(
        id="fused-optimizer",
        title="the fused form of AdamW, which makes no copies of what it updates",
        when="AdamW of PyTorch in its plain form",
        speed=Cost("faster: one kernel for many", "documentation of torch.optim.AdamW"),
        quality=NOTHING,
        safety=Safety.SAFE,
        attacks=STATES | {"other"},
        change=steps.fused_optimizer,
    ),
    Move(
        id="smaller-micro-batch",
        title="fewer rows at a time, accumulated more often to the same effective batch",
        when="more than one row at a time, and a loss that does not compare the rows of a batch",
        speed=Cost("slower where the matrices become too small for the GPU", COUNTED),
        quality=AVERAGED,
        safety=Safety.SAFE,
        attacks=PER_ROW,
        change=steps.smaller_micro_batch,
        again=True,
    ),
    Move(
        id="checkpointing",
        title="gradient checkpointing: layers are computed again in the backward pass",
        when="layers keep their activations",
        speed=Cost("one more forward pass, a quarter to a third more time", "arXiv 1604.06174"),
        quality=NOTHING,
        safety=Safety.SAFE,
        attacks=ACTIVATIONS,
        change=steps.checkpointing,
    ),
    Move(
        id="non-reentrant",
        title="checkpointing in its non-reentrant form",
        when="use_reentrant is true",
        speed=Cost("about the same", "documentation of torch.utils.checkpoint"),
        quality=NOTHING,
        safety=Safety.SAFE,
        attacks=ACTIVATIONS,
        change=steps.non_reentrant,
    ),
    Move(
        id="smaller-evaluation-batch",
        title="fewer rows at a time in evaluation",
        when="evaluation takes more than one row at a time",
        speed=Cost("evaluation is slower", COUNTED),
        quality=Cost(
            "what is learned stays; a mean of batch means moves a little with the batch",
            "Trainer.evaluation_loop of transformers 5.23",
        ),
        safety=Safety.SAFE,
        attacks=EVALUATION,
        change=steps.smaller_evaluation_batch,
        again=True,
    ),
    Move(
        id="loss-only-evaluation",
        title="keep no predictions in evaluation (prediction_loss_only)",
        when="no metric looks at the predictions",
        speed=Cost("faster: nothing is gathered", "Trainer.prediction_step of transformers 5.23"),
        quality=NOTHING,
        safety=Safety.SAFE,
        attacks=EVALUATION,
        change=None,
    ),
    Move(
        id="evaluation-accumulation",
        title="move predictions to main memory after some batches (eval_accumulation_steps)",
        when="a metric looks at the predictions, and main memory holds them",
        speed=Cost("a copy to main memory every few batches", "documentation of TrainingArguments"),
        quality=NOTHING,
        safety=Safety.SAFE,
        attacks=EVALUATION,
        change=None,
    ),
    Move(
        id="expandable-segments",
        title="let the allocator grow its blocks (expandable_segments)",
        when="the least capacity fits and what the allocator takes with no limit does not",
        speed=Cost("about the same", "PyTorch's notes on CUDA memory management"),
        quality=NOTHING,
        safety=Safety.SAFE,
        attacks=frozenset({"other"}),
        change=None,
        environment=(EXPANDABLE,),
    ),
    Move(
        id="paged-optimizer",
        title="optimizer states that move to main memory when the GPU is full",
        when="AdamW, and main memory for its states",
        speed=Cost("slower while states are moved over PCIe", "QLoRA, arXiv 2305.14314"),
        quality=NOTHING,
        safety=Safety.SAFE,
        attacks=STATES,
        change=steps.paged_optimizer,
        unseen=True,
    ),
    Move(
        id="8bit-optimizer",
        title="8-bit states of AdamW",
        when="AdamW with states of 32 bits, more than a few million trained parameters",
        speed=Cost("about the same or faster: fewer bytes are moved", "arXiv 2110.02861"),
        quality=Cost(
            "the moments are rounded to 8 bits by blocks; the paper finds the same results",
            "arXiv 2110.02861",
        ),
        safety=Safety.UNSAFE,
        attacks=STATES,
        change=steps.eight_bit_optimizer,
    ),
    Move(
        id="adafactor",
        title="Adafactor: the second moment as two vectors, no first moment",
        when="AdamW, all weights trained",
        speed=Cost("about the same", COUNTED),
        quality=Cost(
            "another optimizer: the learning rate and the result change", "arXiv 1804.04235"
        ),
        safety=Safety.UNSAFE,
        attacks=STATES,
        change=steps.adafactor,
    ),
    Move(
        id="lower-rank",
        title="adapters of half the rank",
        when="adapters of a rank above 8",
        speed=Cost("a little faster", COUNTED),
        quality=Cost("adapters can learn less", "arXiv 2405.09673"),
        safety=Safety.UNSAFE,
        attacks=TRAINED,
        change=steps.lower_rank,
        again=True,
    ),
    Move(
        id="double-quantization",
        title="quantise the scales of the 4-bit weights too",
        when="4-bit weights whose scales are fp32",
        speed=Cost("a little slower: one more unpacking", "QLoRA, arXiv 2305.14314"),
        quality=Cost("no loss was found; 0.37 bits a parameter less", "QLoRA, arXiv 2305.14314"),
        safety=Safety.UNSAFE,
        attacks=frozenset({"weights"}),
        change=steps.double_quantization,
    ),
    Move(
        id="lora",
        title="train adapters (LoRA, rank 16, every linear layer) and freeze the weights",
        when="all weights are trained",
        speed=Cost("faster: no gradients and no states of the frozen weights", COUNTED),
        quality=Cost(
            "learns less than full fine-tuning and forgets less; wants a learning rate about ten "
            "times higher",
            "arXiv 2106.09685, 2405.09673; LoRA Without Regret (Thinking Machines, 2025)",
        ),
        safety=Safety.UNSAFE,
        attacks=TRAINED,
        change=steps.lora,
    ),
    Move(
        id="qlora",
        title="adapters over weights in 4 bits (QLoRA, NF4)",
        when="a model of linear layers and bitsandbytes on the GPU",
        speed=Cost("slower than LoRA: weights are unpacked in every pass", COUNTED),
        quality=Cost(
            "close to LoRA in 16 bits in the paper; the weights are rounded to 4 bits",
            "QLoRA, arXiv 2305.14314",
        ),
        safety=Safety.UNSAFE,
        attacks=TRAINED,
        change=steps.qlora,
    ),
    Move(
        id="pure-bf16",
        title="weights, gradients and states in bfloat16",
        when="all weights are trained in fp32 on a GPU with bfloat16",
        speed=Cost("faster: half the bytes", COUNTED),
        quality=Cost(
            "updates below 1/512 of a weight are rounded away: the loss falls more slowly "
            "(checks HW010 and HW030)",
            "arXiv 2010.06192; fault P02 of the catalogue",
        ),
        safety=Safety.UNSAFE,
        attacks=TRAINED | ACTIVATIONS,
        change=steps.pure_bf16,
    ),
    Move(
        id="no-checkpointing",
        title="no gradient checkpointing: there is room for the activations",
        when="checkpointing is on and the step fits without it",
        speed=Cost("one forward pass less", "arXiv 1604.06174"),
        quality=NOTHING,
        safety=Safety.SAFE,
        attacks=frozenset(),
        change=steps.no_checkpointing,
    ),
    Move(
        id="larger-micro-batch",
        title="more rows at a time, accumulated less often to the same effective batch",
        when="rows are accumulated and there is room for more at a time",
        speed=Cost("faster where the matrices were too small for the GPU", COUNTED),
        quality=AVERAGED,
        safety=Safety.SAFE,
        attacks=frozenset(),
        change=steps.larger_micro_batch,
        again=True,
    ),
    Move(
        id="balanced-lengths",
        title="share the rows of a step out so that those of like length are padded together",
        when="rows differ in length and are accumulated or spread over GPUs; transformers 5",
        speed=Cost("faster: less padding", "documentation of TrainingArguments, transformers 5.23"),
        quality=Cost("nothing: a step still learns from the same rows", "the same"),
        safety=Safety.SAFE,
        attacks=frozenset(),
        change=None,
    ),
)
"""In the order of how little they change; the last ones save time alone."""

FASTER = frozenset(
    {"no-checkpointing", "larger-micro-batch", "fused-attention", "flash-attention",
     "fused-optimizer"}
)  # fmt: skip
"""What can make a step faster that fits already."""


def move(name: str) -> Move:
    """The move of this id.

    Raises:
        KeyError: if there is none.
    """
    return {each.id: each for each in MOVES}[name]
