"""Which way is good for a metric, as far as its name says."""

import re

from experiment.spec import Goal

_UP = {
    *("acc", "accuracy", "auc", "auroc", "auprc", "aucpr", "ap", "map", "f1", "fbeta", "score", "r2", "precision"),
    *("recall", "iou", "miou", "dice", "bleu", "rouge", "meteor", "reward", "rewards", "return", "returns"),
    *("hit", "hits", "ndcg", "mrr", "kappa", "mcc", "psnr", "ssim", "specificity", "sensitivity", "correct", "elo"),
    *("likelihood", "variance", "correlation", "pearson", "spearman", "silhouette", "ari", "nmi", "gain"),
    *("jaccard", "corrcoef", "winrate", "tpr", "tnr", "exact", "em", "top1", "top5"),
}
_DOWN = {
    *("loss", "losses", "error", "errors", "err", "mse", "mae", "rmse", "mape", "smape", "rmsle", "perplexity", "ppl"),
    *("nll", "wer", "cer", "fid", "bpb", "bpc", "logloss", "ece", "brier", "regret", "time", "runtime", "duration"),
    *("latency", "cost", "eer", "divergence", "kl", "crossentropy", "entropy", "distance", "deviance", "residual"),
    *("seconds", "elapsed", "fpr", "fnr", "bce", "energy", "inertia"),
}
_COSTS = {"time", "runtime", "duration", "latency", "seconds", "elapsed"}
_FLIPS = {"neg", "negative", "minus"}
_TRAINING = {"train", "training", "tr"}
_SETTINGS = {
    *("lr", "rate", "epoch", "epochs", "step", "steps", "iter", "iteration", "iterations", "batch", "size"),
    *("seed", "momentum", "decay", "patience", "workers", "params", "hidden", "layers", "dim", "timestamp"),
    *("date", "version", "count", "samples", "examples", "n", "num", "id", "index", "beta", "alpha", "gamma"),
}


def words(name: str) -> list[str]:
    """The words of a metric's name in lower case: `valTop-1_Acc` is val, top, 1, acc."""
    return re.findall(r"[a-z]+\d*|\d+", re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", " ", name).lower())


def goal(name: str) -> Goal | None:
    """The direction the last telling word of the name gives; None where no word tells."""
    parts = words(name)
    found = next((part for part in reversed(parts) if part in _UP | _DOWN), None)
    if found is None:
        return None
    up = found in _UP
    if found == "likelihood" and _FLIPS & set(parts):
        return Goal.MINIMIZE
    if not up and _FLIPS & set(parts):
        up = "nll" not in parts
    return Goal.MAXIMIZE if up else Goal.MINIMIZE


def is_of_training(name: str) -> bool:
    """Whether the name says it was measured on the training data."""
    return bool(_TRAINING & set(words(name)))


def is_cost(name: str) -> bool:
    """Whether the name says a time: it never repeats, so it should not gate."""
    return bool(_COSTS & set(words(name)))


def is_setting(name: str) -> bool:
    """Whether the name says a setting or a counter rather than a result."""
    parts = words(name)
    return bool(parts) and goal(name) is None and bool(_SETTINGS & set(parts))
