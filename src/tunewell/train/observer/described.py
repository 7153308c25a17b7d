"""What a model is trained for, as far as its class, its configuration and its settings tell."""

from __future__ import annotations

from typing import Any

TASKS = (
    ("ForSequenceClassification", "classification"),
    ("ForTokenClassification", "tagging"),
    ("ForQuestionAnswering", "question answering"),
    ("ForMultipleChoice", "multiple choice"),
    ("ForMaskedLM", "language"),
    ("ForCausalLM", "language"),
    ("LMHeadModel", "language"),
    ("ForConditionalGeneration", "language"),
    ("ForImageClassification", "classification"),
    ("CrossEncoder", "pair scoring"),
    ("SentenceTransformer", "embedding"),
    ("SparseEncoder", "embedding"),
)
"""Part of a class's name, and the task. The first that fits counts."""

BY_SETTINGS = (
    ("DPOConfig", "preference"),
    ("CPOConfig", "preference"),
    ("ORPOConfig", "preference"),
    ("KTOConfig", "preference"),
    ("BCOConfig", "preference"),
    ("PRMConfig", "reward"),
    ("RewardConfig", "reward"),
    ("GRPOConfig", "reinforcement"),
    ("RLOOConfig", "reinforcement"),
    ("PPOConfig", "reinforcement"),
)
"""The class of the trainer's settings tells more than the model's."""


def described(model: Any, settings: str = "") -> dict[str, Any]:  # noqa: ANN401
    """`task`, `classes`, `architecture`, `attention`, `parameters` and `trainable` of a model.

    The last two are counts; architecture and attention are as transformers calls them.
    `settings` is the name of the class of the trainer's settings.
    """
    config = getattr(model, "config", None)
    kinds = [str(kind) for kind in getattr(config, "architectures", None) or ()]
    kinds += [kind.__name__ for kind in type(model).__mro__]
    task = next((task for name, task in BY_SETTINGS if settings.endswith(name)), None)
    if task is None:
        task = next((task for part, task in TASKS if any(part in kind for kind in kinds)), None)
    classes = getattr(config, "num_labels", None) if task == "classification" else None
    problem = getattr(config, "problem_type", None)
    if classes == 1 or problem == "regression":
        task, classes = "regression", None
    if problem == "multi_label_classification":
        task, classes = "multi-label classification", None
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return {
        "task": task,
        "classes": classes,
        "architecture": getattr(config, "model_type", None),
        "attention": getattr(config, "_attn_implementation", None),
        "parameters": sum(size for size, _ in sizes),
        "trainable": sum(size for size, trained in sizes if trained),
    }
