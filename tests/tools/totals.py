"""Adds up JUnit files and closes with the line of totals. Exit status 1 where anything failed or nothing ran."""
import argparse
import pathlib
import sys
import xml.etree.ElementTree as xml


def print_why(case: xml.Element, most_lines: int = 40) -> None:
    """The program itself may have said nothing, and a second run has other random seeds."""
    for problem in [*case.iter("failure"), *case.iter("error")]:
        lines = [line for line in (problem.text or problem.get("message") or "").splitlines() if line.strip()]
        for line in lines[-most_lines:]:
            print(f"    {line}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--also-failed", type=int, default=0, help="steps that failed without a test to name")
    parser.add_argument("folder", type=pathlib.Path)
    options = parser.parse_args()

    passed = skipped = 0
    failed = options.also_failed
    for file in sorted(options.folder.glob("*.xml")):
        try:
            cases = list(xml.parse(file).getroot().iter("testcase"))
        except xml.ParseError as error:  # the program died while it wrote
            print(f"{file.stem}: no result: {error}")
            failed += 1
            continue
        outcomes = ["failed" if case.find("failure") is not None or case.find("error") is not None
                    else "skipped" if case.find("skipped") is not None
                    else "passed" for case in cases]
        for case, outcome in zip(cases, outcomes):
            if outcome == "failed":
                print(f"failed: {file.stem}: {case.get('name')}")
                print_why(case)
        print(f"{file.stem}: " + ", ".join(f"{outcomes.count(kind)} {kind}" for kind in ("passed", "failed", "skipped")))
        if not cases:
            failed += 1
        passed += outcomes.count("passed")
        failed += outcomes.count("failed")
        skipped += outcomes.count("skipped")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
