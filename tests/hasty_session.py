"""A session that makes three containers, volumes and networks and says each step; run as a process, to be killed.

`hasty_session.py FOLDER IMAGE` then sleeps; with `remove` after that it removes what it made, and ends.
"""

import os
import sys
import time
from pathlib import Path

from runner.container.engine import find
from runner.container.lease import held
from runner.container.removal import remove_session


def main(folder: Path, image: str, *then: str) -> None:
    with held(folder, os.environ) as lease, find(os.environ).client() as client:
        labels = lease.owner(time.time() + 3600).labels("test")
        say(lease.session)
        for number in range(3):
            volume = client.volumes.create(labels=labels)
            say("volume")
            client.networks.create(f"{lease.session}-{number}", labels=labels)
            say("network")
            mount = {volume.name: {"bind": "/v", "mode": "rw"}}
            container = client.containers.create(
                image, ["sleep", "600"], labels=labels, volumes=mount, network_mode="none"
            )
            say("created")
            container.start()
            say("running")
        if then == ("remove",):
            say(f"removed {remove_session(client, lease.session, 60)}")
        else:
            time.sleep(600)


def say(step: str) -> None:
    print(step, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
