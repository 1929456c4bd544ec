#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of the measurements in docs/REVIEW.md, from docs/field*.tsv.

  field.py           prints them
  field.py --check   TAP: the document and the README have these figures
"""

import collections
import csv
import math
import os
import sys

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs')
PILLARS = (('CWE-664 lifetime', 'L'), ('CWE-707 neutralization', 'NW'), ('CWE-703 failures', 'E'))


def rows(name):
    with open(os.path.join(DOCS, name), encoding='utf-8', newline='') as f:
        return list(csv.DictReader(f, delimiter='\t', quoting=csv.QUOTE_NONE))


def share(k, n):
    """k of n with Wilson's interval for 95 %."""
    z, p = 1.96, k / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    return f'{p:.2f} ({max(0, low):.2f} to {min(1, high):.2f})'


def verdicts(found):
    n = collections.Counter(f['verdict'] for f in found)
    return n['true'], n['debatable'], n['false']


def precision(found):
    true, debatable, false = verdicts(found)
    return share(true, true + debatable + false) if found else '-'


def languages():
    return {p['project']: p['language'] for p in rows('field-set.tsv') if p['half'].startswith('measured')}


def history(found, fixes):
    """A row for each measurement."""
    table = ['| set | true | debatable | false | precision | errors | fixes that count | found | recall |',
             '|--:|--:|--:|--:|:--|:--|--:|--:|:--|']
    for number in sorted({f['set'] for f in found}):
        said = [f for f in found if f['set'] == number]
        count = [f for f in fixes if f['set'] == number and f['counts'] == 'counts']
        seen = sum(f['result'] == 'found' for f in count)
        table.append('| %s | %d | %d | %d | %s | %s | %d of %d | %d | %s |' % (
            (number, *verdicts(said), precision(said), precision([f for f in said if f['severity'] == 'error']),
             len(count), sum(f['set'] == number for f in fixes), seen, share(seen, len(count)))))
    return table


def parts(found, language, last):
    """By severity, language, pillar and rule, of the given sets."""
    table = ['| | true | debatable | false | precision |', '|:--|--:|--:|--:|:--|']

    def row(name, test, of):
        some = [f for f in of if test(f)]
        if some:
            table.append('| %s | %d | %d | %d | %s |' % (name, *verdicts(some), precision(some)))

    for severity in ('error', 'warning'):
        row(severity + 's', lambda f: f['severity'] == severity, last)
    for name in ('C', 'C++'):
        row(name, lambda f: language[f['project']] == name, last)
    for pillar, letters in PILLARS:
        row('**%s**' % pillar, lambda f: f['rule'][0] in letters, last)
        rules = {f['rule'] for f in last if f['rule'][0] in letters}
        for rule in sorted(rules, key=lambda r: (-sum(f['verdict'] == 'true' for f in last if f['rule'] == r) /
                                                 sum(f['rule'] == r for f in last), r)):
            row(rule, lambda f: f['rule'] == rule, last)
    return table


def main():
    found, fixes, language = rows('field.tsv'), rows('field-fixes.tsv'), languages()
    newest = max(int(f['set']) for f in found)
    last = [f for f in found if int(f['set']) > newest - 2]
    tables = history(found, fixes) + [''] + parts(found, language, last)
    if '--check' not in sys.argv[1:]:
        print('\n'.join(tables))
        return 0
    with open(os.path.join(DOCS, 'REVIEW.md'), encoding='utf-8') as f:
        document = f.read().splitlines()
    with open(os.path.join(DOCS, '..', 'README.md'), encoding='utf-8') as f:
        readme = ' '.join(f.read().split())
    missing = [line for line in tables if line and line not in document]
    true, debatable, false = verdicts([f for f in found if int(f['set']) == newest])
    words = '%d of %d warnings and errors were true, %d right and of little consequence, %d false' % (
        true, true + debatable + false, debatable, false)
    print('TAP version 13\n1..2')
    print('%s 1 - docs/REVIEW.md has the tables of what was measured' % ('not ok' if missing else 'ok'))
    for line in missing:
        print('# missing: ' + line)
    print('%s 2 - README.md has the figures of the newest measurement' % ('ok' if words in readme else 'not ok'))
    if words not in readme:
        print('# missing: ' + words)
    return 1 if missing or words not in readme else 0


if __name__ == '__main__':
    sys.exit(main())
