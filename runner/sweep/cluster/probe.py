"""Asks Ray, on a node, which kinds of nodes its autoscaler may start. Sent by value; imports nothing of ours."""

import json


def node_kinds() -> list[str]:
    """Their names; none where there is no autoscaler, or one that only watches nodes that others start."""
    from ray._private.state import state
    from ray.experimental.internal_kv import _internal_kv_get

    configured = state.get_max_resources_from_cluster_config()
    if configured:
        return sorted(configured)
    try:
        report = json.loads(_internal_kv_get(b"__autoscaling_status") or b"{}").get("autoscaler_report") or {}
    except ValueError:
        return []
    active, idle = report.get("active_nodes") or {}, report.get("idle_nodes") or {}
    pending = [kind for _, kind, *_ in report.get("pending_nodes") or []]
    # One that only watches calls each node a kind of its own, after its number.
    return sorted({name for name in (*active, *idle, *pending) if not name.startswith("node_")})
