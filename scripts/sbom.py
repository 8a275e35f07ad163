#!/usr/bin/env python3
"""Writes the components of the binary: CycloneDX 1.5 in JSON, from Cargo.lock and `cargo metadata` alone.

Only what is linked or run by the build is in it: no dependency of the tests. Needs no network once the crates are there.
"""
import json
import re
import subprocess
import sys
import uuid

TARGET = "x86_64-unknown-linux-gnu"


def checksums():
    """The SHA-256 of each crate, by name and version."""
    found = {}
    with open("Cargo.lock", encoding="utf-8") as lock:
        for block in lock.read().split("[[package]]"):
            fields = dict(re.findall(r'^(name|version|checksum) = "([^"]*)"$', block, re.M))
            if "checksum" in fields:
                found[fields["name"], fields["version"]] = fields["checksum"]
    return found


def component(package, sums):
    purl = f"pkg:cargo/{package['name']}@{package['version']}"
    part = {
        "type": "library",
        "bom-ref": purl,
        "name": package["name"],
        "version": package["version"],
        "purl": purl,
    }
    if package.get("license"):
        # Old crates write `MIT/Apache-2.0`, which is not an SPDX expression.
        part["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
    digest = sums.get((package["name"], package["version"]))
    if digest:
        part["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return part


def main():
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    sums, seen, waiting, edges = checksums(), set(), [root], {}
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        # `None` is an ordinary dependency; "build" is code that runs while we build.
        needed = [
            dep["pkg"]
            for dep in nodes[one]["deps"]
            if any(kind["kind"] in (None, "build") for kind in dep["dep_kinds"])
        ]
        edges[one] = needed
        waiting.extend(needed)
    parts = {one: component(packages[one], sums) for one in seen}
    main_part = {**parts.pop(root), "type": "application"}
    refs = {**{one: part["bom-ref"] for one, part in parts.items()}, root: main_part["bom-ref"]}
    # The same input gives the same document: the serial number is made of the lock file.
    with open("Cargo.lock", "rb") as lock:
        serial = uuid.uuid5(uuid.NAMESPACE_OID, lock.read().hex())
    json.dump(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "serialNumber": f"urn:uuid:{serial}",
            "version": 1,
            "metadata": {"component": main_part},
            "components": sorted(parts.values(), key=lambda part: part["purl"]),
            "dependencies": sorted(
                ({"ref": refs[one], "dependsOn": sorted(refs[dep] for dep in deps)} for one, deps in edges.items()),
                key=lambda edge: edge["ref"],
            ),
        },
        sys.stdout,
        indent=1,
    )
    print()


if __name__ == "__main__":
    main()
