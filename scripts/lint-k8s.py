"""Checks rendered manifests: against the schemas of Kubernetes, against each other, and against the app's manifest. Run by lint-k8s.sh."""

import re
import sys
import warnings
from pathlib import Path

import kubernetes_validate
import tomli
import yaml

faults = []


def check(holds, fault):
    if not holds:
        faults.append(fault)


def seconds(duration):
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|s|m|h)", duration))


def check_schema(document):
    name = f"{document['kind']} {document['metadata']['name']}"
    try:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    except kubernetes_validate.ValidationError as error:
        place = ".".join(str(key) for key in error.path)
        check(False, f"{name}: {place}: {error.message}")


def check_pod(pod, manifest):
    """The pod gives the host what its manifest asks for."""
    [container] = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for name, section in [("http", "gateway"), ("operators", "admin")]:
        listen = manifest[section]["listen"]
        check(listen == f"0.0.0.0:{ports[name]}", f"[{section}] listens on {listen}, the port {name} is {ports[name]}")
    # The gateway may take all of it, then what runs in the background; then journals are closed.
    longest = 2 * seconds(manifest["gateway"]["drain"]) + 10
    grace = pod["terminationGracePeriodSeconds"]
    check(grace >= longest, f"terminationGracePeriodSeconds is {grace}; twice gateway.drain and ten more are {longest:g}")
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    directories = [context.get("config_directory") for context in manifest["context"].values()]
    for directory in [manifest["journal"]["directory"], *filter(None, directories)]:
        check(directory in mounted, f"nothing is mounted at {directory}")


def check_app(manifest, original):
    """The manifest of the image describes the app that is developed."""
    for part in ["app", "saga"]:
        check(manifest[part] == original[part], f"[{part}] is not as in innkeeper.toml")
    contexts, originals = set(manifest["context"]), set(original["context"])
    check(contexts == originals, f"only one of the manifests has {', '.join(sorted(contexts ^ originals))}")
    for name, context in manifest["context"].items():
        file = f"/usr/share/innkeeper/{name}.wasm"
        check(context.get("component") == file, f"context {name}: the image has its component in {file}")


def check_rights(role, documents):
    """The pipeline may put each object in place, and no more than that."""
    verbs = {}
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames", ["*"]):
                    verbs.setdefault((group, resource, name), set()).update(rule["verbs"])
    kinds = set()
    for document in documents:
        group, _, _ = document["apiVersion"].rpartition("/")
        resource = document["kind"].lower().replace("policy", "policie") + "s"
        kinds.add((group, resource))
        granted = {verb for name in ["*", document["metadata"]["name"]] for verb in verbs.get((group, resource, name), ())}
        missing = {"create", "get", "patch"} - granted
        check(not missing, f"the deployer may not {', '.join(sorted(missing))} {resource} {document['metadata']['name']}")
    for group, resource, name in verbs:
        check((group, resource) in kinds, f"the deployer has rights on {resource} {name}, which k8s/ has none of")
    allowed = {"create", "get", "patch", "list", "watch"}
    check(set().union(*verbs.values()) <= allowed, f"the deployer may do more than {', '.join(sorted(allowed))}")


def main(app, access, secret):
    warnings.simplefilter("ignore")
    app, access, secret = ([*yaml.safe_load_all(Path(file).read_text())] for file in (app, access, secret))
    for document in app + access + secret:
        check_schema(document)

    def only(documents, kind, prefix=""):
        [found] = [one for one in documents if one["kind"] == kind and one["metadata"]["name"].startswith(prefix)]
        return found

    manifest = tomli.loads(only(app, "ConfigMap", "innkeeper-manifest")["data"]["innkeeper.toml"])
    check_app(manifest, tomli.loads(Path("innkeeper.toml").read_text()))
    check_pod(only(app, "StatefulSet")["spec"]["template"]["spec"], manifest)
    check_rights(only(access, "Role"), app)
    # A token has no spaces: the host refuses the placeholder, should anyone apply it.
    check(" " in only(secret, "Secret")["stringData"]["token"], "the placeholder of the operators' token would be a token")
    yaml.safe_load(Path("buildspec.yml").read_text())
    for fault in faults:
        print(f"k8s: {fault}", file=sys.stderr)
    return bool(faults)


sys.exit(main(*sys.argv[1:]))
