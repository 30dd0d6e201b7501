#!/usr/bin/env python3
"""Classify the rows of a CSV file over the compatible endpoint, and print each result as it comes.

    pip install requests
    python3 compatible.py http://127.0.0.1:8000 catalogue.csv

Rows go out as a data frame's to_dict("records") has them: numbers are numbers, and
what is missing is NaN, which json.dumps writes bare.
"""

import csv
import json
import sys

import requests


def cell(text):
    """Return what pandas.read_csv makes of a cell."""
    if text == "":
        return float("nan")
    try:
        return float(text)
    except ValueError:
        return text


def read_rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return [{key: cell(text or "") for key, text in row.items()} for row in csv.DictReader(file)]


def events(url, rows):
    """Yield the events of the answer, the last one included."""
    body = json.dumps({"data": rows, "toggle": 1, "product_column": "Product URL"})
    headers = {"Content-Type": "application/json"}
    # A comment comes every 15 s at the latest, so silence of a minute is an error.
    with requests.post(url + "/classify-category", data=body, headers=headers, stream=True, timeout=(10, 60)) as answer:
        if answer.status_code != 200:
            sys.exit(f"{answer.status_code}: {answer.json()['detail']}")
        for line in answer.iter_lines(decode_unicode=True):
            if line.startswith("data: "):
                yield json.loads(line[len("data: "):])


def main(url, path):
    for event in events(url, read_rows(path)):
        for result in event["results"]:
            print(json.dumps(result), flush=True)
        if event["error"] and not event["results"]:  # with results: all of this batch failed, and more may come
            sys.exit(event["error"])
        if event["processing_type"] == "complete":
            print(f"{event['total_processed']} items", file=sys.stderr)
            return
    sys.exit("the answer was cut off")


if __name__ == "__main__":
    main(*sys.argv[1:])
