"""Ray's own autoscaler with its provider of nodes on one machine: what a cluster that grows is started with."""

from collections.abc import Mapping

HEAD = "f" * 51 + "00000"
ENVIRON = {
    "RAY_FAKE_CLUSTER": "1",
    "AUTOSCALER_UPDATE_INTERVAL_S": "1",
    "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD,
    "RAY_CLOUD_INSTANCE_ID": HEAD,
}
"""Of the head; the provider tells it from the nodes it starts by this number."""
_EMPTY = (
    *("file_mounts", "auth", "docker"),
    *("initialization_commands", "setup_commands", "head_setup_commands", "worker_setup_commands"),
    *("head_start_ray_commands", "worker_start_ray_commands", "cluster_synced_files", "rsync_exclude", "rsync_filter"),
)


def up_to(nodes: int, cpus: int, port: int) -> Mapping[str, object]:
    """The configuration: a head without processors, and nodes that are started where something asks for them."""
    provider = {
        "type": "fake_multinode", "gcs_address": f"127.0.0.1:{port}", "head_node_id": HEAD, "launch_multiple": True,
        "use_node_id_as_ip": True, "disable_node_updaters": True, "disable_launch_config_check": True,
    }  # fmt: skip
    resources = {"CPU": cpus, "object_store_memory": 80_000_000}
    kinds = {
        "head": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
        "node": {"resources": resources, "node_config": {}, "min_workers": 0, "max_workers": nodes},
    }
    empty: dict[str, object] = {key: {} if key in ("file_mounts", "auth", "docker") else [] for key in _EMPTY}
    return {
        **empty, "cluster_name": "grows", "max_workers": nodes, "provider": provider, "available_node_types": kinds,
        "head_node_type": "head", "upscaling_speed": 1.0, "idle_timeout_minutes": 5,
        "file_mounts_sync_continuously": False,
    }  # fmt: skip
