/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole reviewer on one hostile file, for libFuzzer: the first byte says whether the rest is C
 * or C++, or messages for the language server, one a line. It is built with a slab for each allocation, so that AddressSanitizer sees the ends.
 */

#include "review.h"
#include "lsp/lsp.h"
#include "read/include.h"
#include "read/parse.h"
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the knowledge has put there stays; every run has the rest for itself. */
static struct arena fuzz_knowledge;
static FILE *fuzz_out;

static void fuzz_begin(void)
{
	fuzz_out = fopen("/dev/null", "we");
	if (!fuzz_out)
		abort();
	kb_init();
	fuzz_knowledge = run_arena;
	run_arena = (struct arena){ 0 };
	intern_keep();
	kb_keep();
}

static void fuzz_end(void)
{
	findings_forget();
	index_forget();
	include_forget();
	macro_forget();
	kb_forget();
	intern_forget();
	arena_free(&run_arena);
}

/* What a review gives is put in after each message: reviews are for the other inputs. */
static void fuzz_messages(const char *s, size_t size)
{
	static const char found[] =
		"[{\"range\":{\"start\":{\"line\":0,\"character\":1},\"end\":{\"line\":0,\"character\":4}},\"code\":\"L6\",\"data\":{\"severity\":\"error\",\"cwe\":\"1\",\"says\":\"x\",\"fix\":\"y\",\"edits\":[{\"newText\":\"z\"}]}}]";
	struct lsp *lsp = calloc(1, sizeof(*lsp));

	if (!lsp)
		abort();
	for (const char *end = s + size, *stop; s < end; s = stop + 1) {
		stop = memchr(s, '\n', (size_t)(end - s));
		stop = stop ? stop : end;
		lsp_handle(lsp, s, (size_t)(stop - s));
		for (size_t i = 0; i < lsp->n_documents; i++) {
			free(lsp->documents[i].diagnostics);
			lsp->documents[i].diagnostics = lsp_copy(found);
			lsp->documents[i].due = false;
		}
	}
	waiting_refuse(lsp, NULL, LSP_CANCELLED, "the end");
	lsp_free(lsp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source *source;
	struct tree tree;

	if (!fuzz_knowledge.slabs)
		fuzz_begin();
	if (!size)
		return 0;
	if (data[0] == '{') {
		fuzz_messages((const char *)data, size);
		return 0;
	}
	source = source_from_text(data[0] & 1 ? "fuzz.cpp" : "fuzz.c", (const char *)data + 1,
				  size - 1);
	program.sources = grow(program.sources, 0, &program.cap_sources, sizeof(*program.sources));
	program.sources[program.n_sources++] = source;
	include_add(source);
	source->unit = source;
	shape_learn(source);
	if (tree_parse(&tree, source))
		lower_tree(&tree);
	tree_free(&tree);
	program_link();
	flow_program(&rules_listener, NULL);
	findings_sort();
	report_text(fuzz_out, false);
	report_json(fuzz_out);
	report_sarif(fuzz_out);
	report_html(fuzz_out);
	report_gcc(fuzz_out);
	report_github(fuzz_out);
	fuzz_end();
	return 0;
}
