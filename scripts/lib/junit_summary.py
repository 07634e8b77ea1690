# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0
"""Adds up the JUnit files that ctest wrote, names what failed or was skipped, ends with one line of totals."""
import sys
import xml.etree.ElementTree as ElementTree


def main() -> int:
    passed = failed = skipped = 0
    for path in sys.argv[1:]:
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            output = case.findtext("system-out") or ""
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                print(f"FAILED  {path}: {case.get('name')}")
            elif case.get("status") in ("notrun", "disabled") or case.find("skipped") is not None:
                skipped += 1
                reason = [line.strip() for line in output.splitlines() if line.strip()]
                reason = next((line for line in reason if "skip" in line.lower() and "[" not in line), "")
                after = output.split("Skipped", 1)[1].strip().splitlines() if "Skipped" in output else []
                print(f"skipped {path}: {case.get('name')}: {after[0] if after else reason}")
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


sys.exit(main())
