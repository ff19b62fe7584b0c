"""Tries the admission policy of k8s/access on what the pipeline's account could ask for, with the language that Kubernetes judges it in (CEL). Run by lint-k8s.sh."""

import copy
import sys
from pathlib import Path

import yaml
from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

PIPELINE = "system:serviceaccount:stay-deploy:deployer"
DIGEST = "sha256:" + "0123456789abcdef" * 4
WORDS = cel.NewEnv(
    variables={name: cel.Type.DYN for name in ("request", "object", "oldObject", "variables")},
    extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings()],
)


def judged(expression, data):
    return WORDS.compile(expression).eval(data=data).plain_value()


def is_admitted(policy, request, object, before):
    """Whether the policy lets pass what is asked for; what cannot be judged is refused, as `failurePolicy` says."""
    spec = policy["spec"]
    data = {"request": request, "object": object, "oldObject": before, "variables": {}}
    if not all(judged(one["expression"], data) is True for one in spec["matchConditions"]):
        return True
    for variable in spec["variables"]:
        try:
            data["variables"][variable["name"]] = judged(variable["expression"], data)
        except Exception:
            # Kubernetes looks at a variable only where an expression comes to it.
            continue
    return all(judged(one["expression"], data) is True for one in spec["validations"])


def request(**other):
    """The update of the one StatefulSet, or something else."""
    usual = {
        "operation": "UPDATE",
        "subResource": "",
        "resource": {"group": "apps", "version": "v1", "resource": "statefulsets"},
        "namespace": "stay",
        "name": "innkeeper",
        "userInfo": {"username": PIPELINE},
    }
    return usual | other


def changed(set, change):
    set = copy.deepcopy(set)
    pod = set["spec"]["template"]["spec"]
    change(set, pod, pod["containers"][0])
    return set


def updates():
    """What an update could change: what it is, whether it may be, and how it is done."""

    def image(name):
        return lambda set, pod, container: container.update(image=name)

    yield "another image of the repository, by its digest", True, image(f"innkeeper@{DIGEST}")
    yield "nothing", True, lambda set, pod, container: None
    yield "an image by its tag", False, image("innkeeper:newest")
    yield "an image of another repository", False, image(f"elsewhere/innkeeper@{DIGEST}")
    yield "an image with two digests", False, image(f"innkeeper@{DIGEST}@{DIGEST}")
    yield "an image with a short digest", False, image("innkeeper@sha256:00")
    yield "a mounted secret", False, lambda set, pod, container: pod["volumes"].append({"name": "token", "secret": {"secretName": "token"}})
    yield "a directory of the node", False, lambda set, pod, container: pod["volumes"].append({"name": "root", "hostPath": {"path": "/"}})
    yield "the network of the node", False, lambda set, pod, container: pod.update(hostNetwork=True)
    yield "another account", False, lambda set, pod, container: pod.update(serviceAccountName="default")
    yield "the account's token", False, lambda set, pod, container: pod.update(automountServiceAccountToken=True)
    yield "another user", False, lambda set, pod, container: pod["securityContext"].update(runAsUser=0)
    yield "another container beside it", False, lambda set, pod, container: pod["containers"].append({"name": "other", "image": "other"})
    yield "a container before it", False, lambda set, pod, container: pod.update(initContainers=[{"name": "other", "image": "other"}])
    yield "the environment", False, lambda set, pod, container: container["env"].append({"name": "INNKEEPER_ADMIN__LISTEN", "value": "0.0.0.0:1"})
    yield "a secret in the environment", False, lambda set, pod, container: container.update(envFrom=[{"secretRef": {"name": "token"}}])
    yield "the command", False, lambda set, pod, container: container.update(command=["/bin/sh"])
    yield "the arguments", False, lambda set, pod, container: container.update(args=["serve", "--admin", "0.0.0.0:1"])
    yield "more rights", False, lambda set, pod, container: container["securityContext"].update(privileged=True)
    yield "what is mounted", False, lambda set, pod, container: container["volumeMounts"].append({"name": "data", "mountPath": "/etc"})
    yield "labels that no network policy selects", False, lambda set, pod, container: set["spec"]["template"]["metadata"].update(labels={})
    yield "where images come from", False, lambda set, pod, container: set["spec"]["template"]["metadata"]["annotations"].update({"innkeeper/repository": "elsewhere"})
    yield "more pods", False, lambda set, pod, container: set["spec"].update(replicas=2)
    yield "other claims", False, lambda set, pod, container: set["spec"].update(volumeClaimTemplates=[])
    yield "the owner", False, lambda set, pod, container: set["metadata"].update(ownerReferences=[{"name": "other"}])


def main(app, access):
    [set] = [one for one in yaml.safe_load_all(Path(app).read_text()) if one["kind"] == "StatefulSet"]
    [policy] = [one for one in yaml.safe_load_all(Path(access).read_text()) if one["kind"] == "ValidatingAdmissionPolicy"]
    faults = []

    def check(what, may, asked, object, before):
        if is_admitted(policy, asked, object, before) != may:
            faults.append(f"k8s/access/policy.yaml {'refuses' if may else 'lets the pipeline change'} {what}")

    for what, may, change in updates():
        check(what, may, request(), changed(set, change), set)
    # Besides, it may ask for nothing at all; whoever else asks is judged by others.
    core = {"group": "", "version": "v1", "resource": "pods"}
    for what, asked, object, before in [
        ("the set into a new one", request(operation="CREATE"), set, None),
        ("the set into none", request(operation="DELETE"), None, set),
        ("another set", request(name="other"), set, set),
        ("a set of another namespace", request(namespace="default"), set, set),
        ("how many pods there are", request(subResource="scale"), set, set),
        ("a deployment", request(resource={"group": "apps", "version": "v1", "resource": "deployments"}), set, set),
        ("a pod", request(operation="CREATE", resource=core), set, None),
        ("what runs in a pod", request(operation="CONNECT", resource=core, subResource="exec"), {}, None),
    ]:
        check(what, False, asked, object, before)
    somebody = request(operation="DELETE", userInfo={"username": "administrator"})
    check("what an administrator does", True, somebody, None, set)
    for fault in faults:
        print(f"lint: {fault}", file=sys.stderr)
    return bool(faults)


sys.exit(main(*sys.argv[1:]))
