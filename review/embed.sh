#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# embed.sh NAME OUTPUT FILE...: files as a C table NAME of { name, text }, each line a literal.
set -eu
name=$1 output=$2
shift 2
{
	echo '/* Made by embed.sh. */'
	echo "static const struct { const char *name, *text; } $name[] = {"
	for file; do
		base=${file##*/}
		printf '\t{ "%s",\n' "${base%.*}"
		sed 's/\\/\\\\/g; s/"/\\"/g; s/\t/\\t/g; s/^/\t  "/; s/$/\\n"/' "$file"
		printf '\t  "" },\n'
	done
	echo '};'
	echo "static const size_t ${name}_count = sizeof($name) / sizeof(*$name);"
} >"$output.new"
mv "$output.new" "$output"
