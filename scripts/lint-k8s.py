"""Checks rendered manifests: against the schemas of Kubernetes, against each other, and against the app's manifest. Run by lint-k8s.sh."""

import json
import re
import sys
import warnings
from pathlib import Path

import kubernetes_validate
import tomli
import yaml

faults = []
# Fields of an object that the API server sees to: nobody can set them in an update, or only it does.
MANAGED = {
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generateName", "generation", "managedFields", "name", "namespace",
    "resourceVersion", "selfLink", "uid",
}


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


def check_rights(role):
    """The pipeline may change the one StatefulSet, and make nothing: who makes a pod decides what is mounted in it, and what labels it has."""
    allowed = {("apps", "statefulsets", "innkeeper"): {"get", "patch", "list", "watch"}}
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames", ["*"]):
                    more = set(rule["verbs"]) - allowed.get((group, resource, name), set())
                    check(not more, f"the deployer may {', '.join(sorted(more))} {resource} {name}")


def check_policy(policy):
    """All fields that the pipeline must not change are named: one that is left out, it could."""
    said = " ".join(validation["expression"] for validation in policy["spec"]["validations"])
    schemas = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{kubernetes_validate.latest_version()}-local"
    for kind, now, before, changes in [
        ("objectmeta-meta-v1", "object.metadata", "oldObject.metadata", MANAGED),
        ("statefulsetspec-apps-v1", "variables.set", "variables.setBefore", {"template"}),
        ("podtemplatespec-v1", "object.spec.template", "oldObject.spec.template", {"spec"}),
        ("podspec-v1", "variables.pod", "variables.podBefore", {"containers"}),
        ("container-v1", "variables.container", "variables.containerBefore", {"image"}),
    ]:
        fields = json.loads((schemas / f"{kind}.json").read_text())["properties"]
        for field in set(fields) - changes:
            same = f"{now}.?{field} == {before}.?{field}"
            check(re.search(re.escape(same) + r"\b", said), f"k8s/access/policy.yaml lets the pipeline change {field} ({kind})")
    check("failurePolicy" in policy["spec"] and policy["spec"]["failurePolicy"] == "Fail", "k8s/access/policy.yaml lets pass what it cannot judge")
    variables = {one["name"]: one["expression"] for one in policy["spec"]["variables"]}
    for name, expression in variables.items():
        if f"{name}Before" in variables:
            before = variables[f"{name}Before"]
            check(before == expression.replace("object.", "oldObject."), f"k8s/access/policy.yaml compares {expression} with {before}")


def check_binding(binding, policy):
    """The policy is in force, and not somewhere only."""
    spec = binding["spec"]
    check(spec["policyName"] == policy["metadata"]["name"], "the binding is of another policy")
    check("Deny" in spec["validationActions"] and "matchResources" not in spec, "k8s/access/policy.yaml does not deny everywhere")


def check_isolation(documents):
    """Whatever pod there is in the namespace, it has no network but what is said of it."""
    denying = [one for one in documents if one["kind"] == "NetworkPolicy" and one["spec"]["podSelector"] == {}]
    closed = [one for one in denying if {"Ingress", "Egress"} == set(one["spec"]["policyTypes"]) and not {"ingress", "egress"} & set(one["spec"])]
    check(closed, "no policy denies all traffic of all pods by default")


def check_secrets(documents):
    """No pod can mount what is nowhere: the host knows its operators by hashes."""
    for document in documents:
        text = json.dumps(document)
        check("secretKeyRef" not in text and document["kind"] != "Secret", f"{document['kind']} {document['metadata']['name']} has to do with a secret")


def check_pipeline(buildspec, script):
    """What runs is what was built, and says how."""
    commands = [command for phase in buildspec["phases"].values() for command in phase["commands"]]
    [build] = [command for command in commands if "docker buildx build" in command]
    check("--provenance=mode=max" in build and "--push" in build, "buildspec.yml pushes an image without its provenance")
    judged = next((place for place, command in enumerate(commands) if ".Provenance" in command and '"$COMMIT"' in command), None)
    update = next(place for place, command in enumerate(commands) if "update-cluster.sh" in command)
    check(judged is not None and judged < update, "buildspec.yml does not look at the provenance before it updates")
    check('"$DIGEST"' in commands[update] and 'kubectl set image statefulset/innkeeper innkeeper="$1"' in script, "buildspec.yml does not update by digest")


def check_autoscaler(autoscaler, pods):
    """What is scaled is there, and asks for processors: a part of nothing cannot be measured. While the journal has one writer, nobody applies it."""
    target = autoscaler["spec"]["scaleTargetRef"]
    scaled = (pods["apiVersion"], pods["kind"], pods["metadata"]["name"])
    check((target["apiVersion"], target["kind"], target["name"]) == scaled, "k8s/hpa.yaml scales what is not there")
    [container] = pods["spec"]["template"]["spec"]["containers"]
    check("cpu" in container["resources"].get("requests", {}), "k8s/hpa.yaml measures processors, but the pod asks for none")
    check(autoscaler["spec"]["minReplicas"] <= autoscaler["spec"]["maxReplicas"], "k8s/hpa.yaml: minReplicas is more than maxReplicas")


def main(app, access, operators, autoscaler):
    warnings.simplefilter("ignore")
    files = (app, access, operators, autoscaler)
    app, access, operators, autoscaler = ([*yaml.safe_load_all(Path(file).read_text())] for file in files)
    for document in app + access + operators + autoscaler:
        check_schema(document)

    def only(documents, kind):
        [found] = [one for one in documents if one["kind"] == kind]
        return found

    manifest = tomli.loads(Path("k8s/innkeeper.toml").read_text())
    check_app(manifest, tomli.loads(Path("innkeeper.toml").read_text()))
    check_pod(only(app, "StatefulSet")["spec"]["template"]["spec"], manifest)
    kinds = {document["kind"] for document in app}
    check("HorizontalPodAutoscaler" not in kinds, "k8s/hpa.yaml is applied, though one app runs in one pod")
    check_autoscaler(only(autoscaler, "HorizontalPodAutoscaler"), only(app, "StatefulSet"))
    check_rights(only(access, "Role"))
    policy = only(access, "ValidatingAdmissionPolicy")
    check_policy(policy)
    check_binding(only(access, "ValidatingAdmissionPolicyBinding"), policy)
    check_isolation(access)
    check_secrets(app)
    # The host refuses the placeholder, should anyone apply it.
    placeholder = only(operators, "ConfigMap")["data"]["token-sha256"]
    check(not re.fullmatch("[0-9a-f]{64}", placeholder), "the placeholder of the operators' hash would be one")
    check_pipeline(yaml.safe_load(Path("buildspec.yml").read_text()), Path("scripts/update-cluster.sh").read_text())
    for fault in faults:
        print(f"k8s: {fault}", file=sys.stderr)
    return bool(faults)


sys.exit(main(*sys.argv[1:]))
