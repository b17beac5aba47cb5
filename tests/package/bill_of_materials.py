"""bill_of_materials.py SPDX PROGRAM BUILD: the document has what SPDX 2.3 demands, and says what is really linked: every library that the
program needs, nothing linked besides, and every package one of whose headers was compiled in from its text."""
import json
import re
import subprocess
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    document = json.load(file)
program, build = sys.argv[2:4]


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def require(holds, what):
    if not holds:
        sys.exit("bill of materials: " + what)


# SPDX 2.3, clauses 6 (document), 7 (packages), 11 (relationships): what is mandatory, and how it is written.
require(document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0", "version or licence of the document")
require(document["SPDXID"] == "SPDXRef-DOCUMENT" and document["name"], "name of the document")
require(re.fullmatch(r"https?://[^\s#]+", document["documentNamespace"]), "document namespace")
require(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["creationInfo"]["created"]), "date")
creators = document["creationInfo"]["creators"]
require(creators and all(re.match(r"(Person|Organization|Tool): \S", name) for name in creators), "creators")
packages = {package["SPDXID"]: package for package in document["packages"]}
require(len(packages) == len(document["packages"]), "an identifier is there twice")
for name, package in packages.items():
    require(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", name), name)
    for key in ("name", "downloadLocation", "versionInfo", "licenseConcluded", "licenseDeclared", "copyrightText"):
        require(package.get(key), f"{name} has no {key}")
    require(package["filesAnalyzed"] is False, f"{name}: files are not analysed")
    for reference in package.get("externalRefs", []):
        require(reference["referenceType"] == "purl" and reference["referenceLocator"].startswith("pkg:deb/debian/"), f"{name}: purl")
require(document["documentDescribes"] == ["SPDXRef-Package-fanctl"], "what is described")
known = {"DYNAMIC_LINK", "STATIC_LINK", "BUILD_TOOL_OF"}
for relation in document["relationships"]:
    ends = (relation["spdxElementId"], relation["relatedSpdxElement"])
    require(relation["relationshipType"] in known and all(end in packages for end in ends), f"relationship {relation}")


def named(kind):
    return {packages[r["relatedSpdxElement"]]["name"] for r in document["relationships"] if r["relationshipType"] == kind}


def owner(path):
    for name in (path, path.removeprefix("/usr")):
        found = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True).stdout
        if found:
            return found.split(": ")[0].split(":")[0]
    return None


# Read anew, and from the program that is packaged.
paths = dict(re.findall(r"^\s*(\S+) => (\S+)", said("ldd", program), re.M))
needed = re.findall(r"\(NEEDED\).*\[(.+)\]", said("readelf", "-d", program))
linked = {owner(said("readlink", "-f", paths[name]).strip()) for name in needed}
require(len(linked) >= 8 and linked == named("DYNAMIC_LINK"), f"linked are {sorted(linked)}, named are {sorted(named('DYNAMIC_LINK'))}")
build_id = re.search(r"Build ID: ([0-9a-f]+)", said("readelf", "-n", program)).group(1)
require(build_id in packages["SPDXRef-Package-fanctl"]["comment"], "it is of another build than the program: " + build_id)

# Headers that this build read, of packages that have no library of those linked: they are in the program as text.
headers = set(re.findall(r"^\s+(/usr/include/(?!c\+\+|x86_64-linux-gnu/(?:c\+\+|bits|sys|gnu|asm)).+)$", said("ninja", "-C", build, "-t", "deps"), re.M))
sources = {owner(header) for header in sorted(headers) if "/linux/" not in header and "/asm" not in header}
text_only = {name for name in sources if name and "-dev" in name and name not in ("libc6-dev", "linux-libc-dev")}
libraries = {"libyaml-cpp-dev", "libnl-3-dev", "libnl-route-3-dev", "libbpf-dev", "libnftables-dev"}
missing = text_only - libraries - named("STATIC_LINK")
require(not missing, f"compiled in and not named: {sorted(missing)}")
require({"libcli11-dev", "nlohmann-json3-dev"} <= text_only, f"the build read no header of CLI11 or nlohmann-json: {sorted(text_only)}")
require(all(packages[r["spdxElementId"]]["versionInfo"] != "NOASSERTION" for r in document["relationships"]), "a tool has no version")
print(f"{len(packages)} packages: linked {sorted(linked)}, compiled in {sorted(named('STATIC_LINK'))}")
