#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Every snippet: what must be found, and nothing else. TAP.
set -u
cd "$(dirname "$0")" || exit 1

if ! "$POSTERN_COMMAND" review --rules >/dev/null 2>&1; then
	echo '1..0 # SKIP the reviewer was not built'
	exit 0
fi
exec python3 run-snippets.py "$POSTERN_COMMAND review"
