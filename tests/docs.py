"""Runs the blocks of README and docs that `blocks.json` lists, in order, each in its folder.

The Python blocks of a page share their names, as in one session. A `sql` block must give the number that the last `sh` block
before it printed last.
"""

import json
import os
import subprocess
import sys
import time


def run_shell(code):
    run = subprocess.run(["bash", "-euo", "pipefail", "-c", code], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"exit code {run.returncode}: {run.stderr}")
    return run.stdout


def run_sql(code, expected):
    import duckdb

    ((found,),) = duckdb.sql(code).fetchall()
    if found != int(expected):
        raise AssertionError(f"{found} rows, but the command before counts {expected}")
    if found == 0:
        raise AssertionError("the example finds nothing")


def main():
    names, printed = {}, ""
    blocks, top = json.load(open("blocks.json")), os.getcwd()
    for block in blocks:
        folder = os.path.join(top, block["folder"])
        os.makedirs(folder, exist_ok=True)
        os.chdir(folder)
        where, language = f"{block['page']}:{block['line']}", block["language"]
        started = time.perf_counter()
        try:
            if language == "sh":
                printed = run_shell(block["code"]) or printed
            elif language == "sql":
                run_sql(block["code"], printed.split()[-1])
            else:
                exec(compile(block["code"], where, "exec"), names.setdefault(block["page"], {"__name__": "__main__"}))
        except BaseException as error:
            sys.exit(f"{where}: {type(error).__name__}: {error}\n{block['code']}")
        print(f"{where}: {language}, {time.perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
