"""Whether a cluster gets nodes by itself: asked only where none of those it has is large enough."""

from runner.sweep.cluster import probe

_ANSWER_S = 60.0


def autoscales() -> bool:
    """Whether an autoscaler with kinds of nodes to start runs beside the cluster `ray` is connected to."""
    import ray
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(probe)  # type: ignore[no-untyped-call]
    asked = ray.remote(num_cpus=0)(probe.node_kinds).remote()
    try:
        return bool(ray.get(asked, timeout=_ANSWER_S))
    except ray.exceptions.RayError:
        return False
