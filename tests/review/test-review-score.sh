#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Precision and recall on the labelled set do not fall below what is promised. TAP.
set -u
cd "$(dirname "$0")" || exit 1

if ! "$POSTERN_COMMAND" review --rules >/dev/null 2>&1; then
	echo '1..0 # SKIP the reviewer was not built'
	exit 0
fi
exec python3 score.py --tap "$POSTERN_COMMAND review"
