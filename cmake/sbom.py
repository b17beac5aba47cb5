#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Writes the bill of materials of a linked fanctl, in SPDX 2.3 as JSON: the libraries that the program names (DT_NEEDED), what was compiled
into it from headers, and the tools that built it, each as the distribution's package and version where dpkg knows it. The same inputs give
the same text: the date is SOURCE_DATE_EPOCH, and the name space is a digest of the content.

sbom.py --program FILE --bpf FILE --version V --out FILE [--compiled-in PATH]... [--tool PATH]..."""
import argparse
import datetime
import hashlib
import json
import os
import re
import subprocess


def said(*command):
    """What a command prints, "" if it fails or is not there."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def owner_of(path):
    """The Debian package that a file is of, with or without the /usr that it may be reached through."""
    real = os.path.realpath(path)
    for name in (real, path, real.removeprefix("/usr"), "/usr" + real):
        owners = [line.split(": ")[0].split(", ")[0] for line in said("dpkg-query", "-S", name).splitlines() if not line.startswith("diversion")]
        if owners:
            return owners[0]
    return None


def package_of(path, what):
    """An SPDX package for the file's package; for a file that no package has, one of the file's own name."""
    owner = owner_of(path) if path else None
    if owner is None:
        name, version, refs = os.path.basename(path or what), "NOASSERTION", []
    else:
        name, version, architecture = said("dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}", owner).split()
        purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?arch={architecture}"
        refs = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}]
    return {
        "name": name,
        "SPDXID": "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", name),
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "comment": what,
        "externalRefs": refs,
    }


def needed(program):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", said("readelf", "-d", program))


def library_paths(program):
    return dict(re.findall(r"^\s*(\S+) => (/\S+)", said("ldd", program), re.M))


def build_id(program):
    found = re.search(r"Build ID: ([0-9a-f]+)", said("readelf", "-n", program))
    return found.group(1) if found else "none"


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def main_package(arguments):
    return {
        "name": "fanctl",
        "SPDXID": "SPDXRef-Package-fanctl",
        "versionInfo": arguments.version,
        "supplier": "Organization: fanctl developers (security@fanctl.example)",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "GPL-2.0-only",
        "licenseDeclared": "Apache-2.0 OR GPL-2.0-or-later",
        "copyrightText": "2026 fanctl developers",
        "primaryPackagePurpose": "APPLICATION",
        "comment": f"build id of fanctl {build_id(arguments.program)}, sha256 of fanctl.bpf.o {digest(arguments.bpf)}",
    }


def document(arguments):
    ours = main_package(arguments)
    packages, relationships = {ours["SPDXID"]: ours}, []

    def add(path, what, kind, from_ours):
        package = package_of(path, what)
        name = package["SPDXID"]
        packages.setdefault(name, package)
        ends = (ours["SPDXID"], name) if from_ours else (name, ours["SPDXID"])
        relation = {"spdxElementId": ends[0], "relationshipType": kind, "relatedSpdxElement": ends[1]}
        if relation not in relationships:
            relationships.append(relation)

    paths = library_paths(arguments.program)
    for library in needed(arguments.program):
        add(paths.get(library), library, "DYNAMIC_LINK", True)
    for path in arguments.compiled_in:
        add(path, "compiled in from its headers", "STATIC_LINK", True)
    for path in arguments.tool:
        add(path, "build tool " + os.path.basename(path), "BUILD_TOOL_OF", False)
    content = {"packages": [packages[name] for name in sorted(packages)], "relationships": relationships}
    text = json.dumps(content, sort_keys=True)
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", os.path.getmtime(arguments.program)))
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"fanctl-{arguments.version}",
        "documentNamespace": f"https://fanctl.example/spdx/fanctl-{arguments.version}-{hashlib.sha256(text.encode()).hexdigest()}",
        "creationInfo": {
            "created": datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Organization: fanctl developers", f"Tool: sbom.py-{arguments.version}"],
        },
        "documentDescribes": [ours["SPDXID"]],
        **content,
    }


def main():
    parser = argparse.ArgumentParser()
    for name in ("--program", "--bpf", "--version", "--out"):
        parser.add_argument(name, required=True)
    parser.add_argument("--compiled-in", action="append", default=[])
    parser.add_argument("--tool", action="append", default=[])
    arguments = parser.parse_args()
    with open(arguments.out, "w", encoding="utf-8") as out:
        json.dump(document(arguments), out, indent=2)
        out.write("\n")


main()
