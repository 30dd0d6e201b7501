#!/usr/bin/env python3
"""Classify products, and print each result as it comes.

    pip install credenza
    python3 classify.py localhost:50051 products.json

The file has a list of objects with any keys. The exit code is 1 if products failed.
"""

import json
import sys

from credenza import Client


def main(address, path):
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)
    failed = 0
    with Client(address) as client:
        for result in client.classify(rows):
            failed += result.error is not None
            error = result.error and result.error.message
            print(json.dumps({"index": result.index, "product": result.product_name, "category": result.category, "error": error}))
    print(f"{len(rows) - failed} of {len(rows)} products classified", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
