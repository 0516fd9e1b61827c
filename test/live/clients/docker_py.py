# SPDX-License-Identifier: Apache-2.0
# docker-py's calls on the socket that is its argument; each step is a line of JSON: its name, and what was seen. Ids and times are
# left out, so that two sockets can be compared. Further arguments: the image, and a secret that is granted to all containers.
import io
import json
import re
import sys
import tarfile
import threading
import time

import docker

SOCKET, IMAGE, GRANTED = sys.argv[1:4]
WAIT_S = 30
client = docker.DockerClient(base_url="unix://" + SOCKET, version="auto", timeout=WAIT_S)
HOST = {"network_mode": "host"}


def saw(step, what):
    print(json.dumps([step, what]), flush=True)


def refusal(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except docker.errors.APIError as error:
        return [type(error).__name__, error.status_code, re.sub(r"\b[0-9a-f]{64}\b", "ID", error.explanation)]
    return "was not refused"


def wait_for(condition, what):
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise TimeoutError(what)


def archive(name, text):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return content.getvalue()


def all_of(connection):
    """What a socket gives until it ends, without the frames' heads."""
    return b"".join(chunk for _, chunk in docker.utils.socket.frames_iter(connection, tty=False)).decode()


def output_of_run(image, command, **how):
    """Read when all is written: an engine may give nothing to whoever follows the log of a container that ends at once."""
    container = client.containers.run(image, command, name="ran", detach=True, **HOST, **how)
    container.wait()
    output = container.logs()
    container.remove()
    return output.decode()


def secrets():
    created = client.secrets.create(name="db", data=b"12345", labels={"tier": "back"})
    found = client.secrets.get(created.id)
    saw("a secret", [found.name, found.attrs["Spec"]["Labels"]])
    saw("secrets of a label", [secret.name for secret in client.secrets.list(filters={"label": "tier=back"})])
    saw("a name that is taken", refusal(client.secrets.create, name="DB", data=b"x"))
    saw("a name that is bad", refusal(client.secrets.create, name="-", data=b"x"))
    saw("a value that is empty", refusal(client.secrets.create, name="empty", data=b""))
    saw("a value that is too large", refusal(client.secrets.create, name="large", data=b"x" * 512000))
    saw("a secret that is not there", refusal(client.secrets.get, "nobody"))
    return found


def services(secret):
    reference = docker.types.SecretReference(secret.id, secret.name, filename="there", mode=0o400)
    script = 'cat /run/secrets/there | wc -c; trap "exit 0" TERM; sleep 1000000 & wait'
    service = client.services.create(
        IMAGE, ["sh", "-c", script], name="app", secrets=[reference], networks=["host"],
    )
    wait_for(lambda: b"".join(service.logs(stdout=True)), "the service's log")
    saw("a service's log", b"".join(service.logs(stdout=True)).decode())
    tasks = service.tasks(filters={"desired-state": "running"})
    saw("its tasks", [[task["Status"]["State"], len(task["Spec"]["ContainerSpec"]["Secrets"])] for task in tasks])
    saw("a secret in use", refusal(secret.remove))
    service.reload()
    saw("a service updated", service.update(labels={"changed": "yes"}))
    service.reload()
    saw("its labels", service.attrs["Spec"]["Labels"])
    saw("a service removed", service.remove())
    saw("a secret removed", secret.remove())
    saw("secrets left", [each.name for each in client.secrets.list()])


def containers():
    output = output_of_run(IMAGE, ["sh", "-c", "echo out; echo err >&2"])
    saw("a run", sorted(output.split()))
    saw("a run that fails", refusal_of_run())
    container = client.containers.run(IMAGE, name="pybox", detach=True, **HOST)
    script = ["sh", "-c", "echo out; echo err >&2; exit 4"]
    saw("exec", [container.exec_run(script, demux=True).exit_code,
                 [(part or b"").decode() for part in container.exec_run(script, demux=True).output]])
    stream = container.exec_run(["sh", "-c", "for i in 1 2 3; do echo $i; done"], stream=True).output
    saw("exec, streamed", b"".join(stream).decode())
    saw("exec with a terminal", container.exec_run(["echo", "screen"], tty=True).output.decode())
    container.exec_run(["touch", "/tmp/touched"], detach=True)
    seen = wait_for(lambda: container.exec_run(["test", "-e", "/tmp/touched"]).exit_code == 0, "the detached exec")
    saw("exec, detached", seen)
    connection = container.exec_run(["sh", "-c", "read line; echo got $line"], stdin=True, socket=True).output
    connection._sock.sendall(b"a line\n")
    saw("exec with an input", all_of(connection))
    connection.close()
    saw("an archive put", container.put_archive("/tmp", archive("put", b"some text")))
    chunks, stat = container.get_archive("/tmp/put")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        saw("an archive got", [stat["name"], stat["size"], tar.extractfile("put").read().decode()])
    saw("a path that is not there", refusal(container.get_archive, "/tmp/none"))
    saw("statistics", sorted(container.stats(stream=False)))
    saw("processes", container.top()["Titles"])
    saw("a stop", [container.stop(timeout=10), container.wait()["StatusCode"]])
    saw("a removal", [container.remove(), refusal(client.containers.get, "pybox")])


def refusal_of_run():
    try:
        client.containers.run(IMAGE, ["sh", "-c", "echo complaint >&2; exit 3"], remove=True, **HOST)
    except docker.errors.ContainerError as error:
        return [error.exit_status, error.stderr.decode()]
    return "did not fail"


def streams():
    heard = []
    events = client.events(decode=True, filters={"container": "heard", "type": "container"})
    listener = threading.Thread(target=lambda: listen(events, heard), daemon=True)
    listener.start()
    script = "read line; echo got $line; echo err >&2; for i in 1 2 3; do echo $i; done"
    container = client.containers.create(IMAGE, ["sh", "-c", script], name="heard", stdin_open=True, **HOST)
    connection = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    followed = container.logs(stream=True, follow=True, stderr=False)
    connection._sock.sendall(b"a line\n")
    saw("logs, followed", b"".join(followed).decode())
    saw("attached", all_of(connection))
    connection.close()
    saw("the error output", container.logs(stdout=False).decode())
    saw("the end", container.wait()["StatusCode"])
    container.remove()
    listener.join(WAIT_S)
    events.close()
    saw("events", heard)


def listen(events, heard):
    for event in events:
        heard.append(event["Action"])
        if event["Action"] == "destroy":
            return


def images():
    steps = "FROM %s\nLABEL made=here\nRUN echo made > /made\n" % IMAGE
    tag = "localhost:5000/py"
    image, log = client.images.build(fileobj=io.BytesIO(steps.encode()), tag=tag, nocache=True, rm=True, **HOST)
    saw("a build", [image.tags, image.labels, [line["stream"].split()[0] for line in log if line.get("stream", "").startswith("Step")]])
    saw("its file", output_of_run(tag, ["cat", "/made"]))
    saw("images of a label", [each.tags for each in client.images.list(filters={"label": "made=here"})])
    saved = b"".join(image.save(named=True))
    client.images.remove(tag, force=True)
    saw("an image gone", refusal(client.images.get, tag))
    saw("an image loaded", [each.tags for each in client.images.load(saved)])
    client.images.remove(tag, force=True)
    saw("a build that fails", refusal(client.images.build, fileobj=io.BytesIO(b"NONSENSE\n"), tag=tag))


def volumes():
    volume = client.volumes.create("py", driver="coffer", driver_opts={"secrets": GRANTED})
    mounts = {"py": {"bind": "/run/secrets", "mode": "ro"}}
    command = ["cat", "/run/secrets/" + GRANTED]
    saw("a volume of secrets", output_of_run(IMAGE, command, volumes=mounts))
    saw("volumes", [[each.name, each.attrs["Driver"]] for each in client.volumes.list(filters={"driver": "coffer"})])
    wait_for(lambda: refusal(volume.remove) == "was not refused", "the volume to be free")
    saw("a volume gone", refusal(client.volumes.get, "py"))


def engine():
    saw("the version", client.version())
    saw("a ping", client.ping())
    saw("the API's version", client.api.api_version)
    client.swarm.reload()
    saw("the swarm", sorted(client.swarm.attrs))
    saw("the nodes", [node.attrs["Spec"]["Role"] for node in client.nodes.list()])
    old = docker.DockerClient(base_url="unix://" + SOCKET, version="1.30")
    saw("an older API", [old.version(api_version=True)["ApiVersion"], [each.name for each in old.secrets.list()]])
    new = docker.DockerClient(base_url="unix://" + SOCKET, version="1.99")
    saw("an API that is too new", refusal(new.containers.list))


engine()
services(secrets())
containers()
streams()
images()
volumes()
