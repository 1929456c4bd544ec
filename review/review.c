/* SPDX-License-Identifier: Apache-2.0 */
/* One run: knowledge, files, link, flow, report. */

#include "review.h"
#include "lsp/lsp.h"
#include "read/ahead.h"
#include "read/include.h"
#include "read/parse.h"
#include "read/root.h"
#include "report/apply.h"
#include "report/report.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* As much of what files include is taken in as a file's own text. */
enum { REVIEW_CONTEXT = 4 << 20 };

static bool review_progress;
static const struct review_options *review_asked;
static const char *review_path; /* of the paths that were given, the one that is walked */
static struct root review_root; /* where it lies */

static const char *review_error(int r)
{
	switch (r) {
	case -EILSEQ:
		return "not a text file";
	case -EFBIG:
		return "larger than 16 MB";
	case -EINVAL:
		return "not a regular file";
	default:
		return strerror(-r);
	}
}

static void review_show(const char *what, size_t done, size_t all)
{
	if (review_progress)
		fprintf(stderr, "\r\033[K%s %zu/%zu", what, done, all);
}

static void review_show_flow(size_t done, size_t all)
{
	review_show("walked functions", done, all);
}

static const char *review_name(const char *path)
{
	const char *name = root_below(review_root.folder, root_real(path));

	return name ? name : path;
}

static bool review_file(const char *path, bool named, void *data)
{
	bool *failed = data;
	struct source *source;
	int r;

	if (named && strcmp(path, "-") != 0 && !source_name_is_code(path) &&
	    access(path, F_OK) == 0) {
		complain("%s: not a C or C++ file (by its extension)", path);
		*failed = true;
		return false;
	}
	r = source_read(&source, path);
	if (r < 0) {
		complain("%s: %s", path, review_error(r));
		*failed |= named || r != -EILSEQ;
		return false;
	}
	source->aside = !review_asked->tests && source_path_is_aside(path, review_path);
	if (strcmp(path, "-"))
		source->name = review_name(path);
	program.sources = grow(program.sources, program.n_sources, &program.cap_sources,
			       sizeof(*program.sources));
	program.sources[program.n_sources++] = source;
	return true;
}

static int review_compare(const void *x, const void *y)
{
	const struct source *a = *(struct source *const *)x, *b = *(struct source *const *)y;

	return strcmp(a->path, b->path);
}

/*
 * By path, each file once, so that what is found does not depend on the order of the arguments.
 * Then come the headers that they include and that were not given.
 */
static void review_sort(void)
{
	size_t n = 0, n_context;

	if (program.n_sources)
		qsort(program.sources, program.n_sources, sizeof(struct source *), review_compare);
	for (size_t i = 0; i < program.n_sources; i++) {
		if (!include_add(program.sources[i]))
			continue;
		program.sources[n++] = program.sources[i];
	}
	program.n_sources = n;
	n_context = include_resolve();
	for (size_t i = 0, bytes = 0; i < n_context; i++) {
		struct source *source = include_context(i);

		bytes += source->size;
		if (bytes > REVIEW_CONTEXT)
			break;
		program.sources = grow(program.sources, program.n_sources, &program.cap_sources,
				       sizeof(*program.sources));
		program.sources[program.n_sources++] = source;
	}
	for (size_t i = 0; i < program.n_sources; i++)
		shape_learn(program.sources[i]);
}

/* After all were read: a macro of a header matters to files that come before it. */
static void review_parse(struct source *source)
{
	struct tree tree;

	if (ahead_next(&tree))
		lower_tree(&tree);
	tree_free(&tree);
	if (source->context)
		return;
	if (source->too_deep)
		complain("%s: nested too deep; what lies deeper was not read", source->path);
	if (source->limited)
		complain("%s: took too long to parse; not understood", source->path);
}

static bool review_has_findings(const struct review_options *options)
{
	bool any = false;
	size_t kept = 0;

	for (size_t i = 0; i < n_findings; i++) {
		if ((int)findings[i]->severity < options->min_severity)
			continue;
		any |= findings[i]->severity > SEVERITY_ADVICE && !findings[i]->old;
		findings[kept++] = findings[i];
	}
	n_findings = kept;
	return any;
}

/* One that moves its cursor: an editor that runs a command in a terminal of its own says "dumb". */
static bool review_on_terminal(int fd)
{
	const char *kind = getenv("TERM");

	return kind && strcmp(kind, "dumb") != 0 && isatty(fd);
}

static void review_report(const struct review_options *options)
{
	bool colour =
		options->colour > 0 || (options->colour < 0 && review_on_terminal(STDOUT_FILENO));

	switch ((enum review_format)options->format) {
	case REVIEW_JSON:
		report_json(stdout);
		break;
	case REVIEW_SARIF:
		report_sarif(stdout);
		break;
	case REVIEW_GCC:
		report_gcc(stdout);
		break;
	case REVIEW_GITHUB:
		report_github(stdout);
		break;
	case REVIEW_HTML:
		report_html(stdout);
		break;
	case REVIEW_TEXT:
		report_text(stdout, colour);
		break;
	}
}

/* The paths of one repository together, each repository once. */
static bool review_diff_git(const struct review_options *options)
{
	const char **names = arena_alloc(&run_arena, options->n_paths * sizeof(*names));
	const char **roots = arena_alloc(&run_arena, options->n_paths * sizeof(*roots));
	bool good = true;

	for (size_t i = 0; i < options->n_paths; i++) {
		roots[i] = root_of(options->paths[i]).folder;
		names[i] = root_below(roots[i], root_real(options->paths[i]));
	}
	for (size_t i = 0; i < options->n_paths; i++) {
		const char **some = arena_alloc(&run_arena, options->n_paths * sizeof(*some));
		size_t n = 0;
		bool before = false;

		for (size_t k = 0; k < i; k++)
			before |= !strcmp(roots[k], roots[i]);
		for (size_t k = i; !before && k < options->n_paths; k++)
			if (!strcmp(roots[k], roots[i]) && names[k])
				some[n++] = names[k];
		good &= before || diff_read_git(options->diff, roots[i], some, n);
	}
	return good;
}

/* Where the diff cannot be had, everything is reported. */
static bool review_diff(const struct review_options *options)
{
	bool good = strcmp(options->diff, "-")
			    ? review_diff_git(options)
			    : diff_read_standard(root_of(options->paths[0]).folder);

	if (good)
		diff_keep();
	return good;
}

static bool review_baseline(const char *path)
{
	int r = baseline_read(path);

	if (r < 0)
		complain("%s: %s", path, r == -EINVAL ? "not the JSON of a review" : strerror(-r));
	return r >= 0;
}

int review_prepare(struct review_options *options)
{
	review_asked = options;
	if (!options->no_config && project_read(options) < 0)
		return EX_USAGE;
	return review_options_apply(options);
}

bool review_add(const char *path, const char *root)
{
	bool failed = false;

	if (review_path != root)
		review_root = root_of(root);
	review_path = root;
	return files_walk(path, review_file, &failed) && !failed;
}

bool review_find(struct review_options *options, bool *any)
{
	bool good = true;

	review_sort();
	ahead_begin(program.sources, program.n_sources, options->jobs ? options->jobs : 1);
	for (size_t i = 0; i < program.n_sources; i++) {
		review_parse(program.sources[i]);
		if (i % 16 == 0)
			review_show("parsed files", i, program.n_sources);
	}
	ahead_end();
	parse_end();
	program_link();
	flow_program(&rules_listener, review_show_flow);
	if (review_progress)
		fputs("\r\033[K", stderr);
	findings_sort();
	findings_set_severities();
	if (options->diff)
		good &= review_diff(options);
	if (options->baseline)
		good &= review_baseline(options->baseline);
	*any = review_has_findings(options);
	return good;
}

static int review_run(struct review_options *options)
{
	bool failed, any;
	int r = review_prepare(options);

	if (r)
		return r;
	failed = options->failed;
	review_progress = review_on_terminal(STDERR_FILENO) && review_on_terminal(STDOUT_FILENO);
	for (size_t i = 0; i < options->n_paths; i++)
		failed |= !review_add(options->paths[i], options->paths[i]);
	failed |= !review_find(options, &any);
	if (options->fix) {
		failed |= options->dry_run ? !apply_show(stdout) : !apply_write();
		any = review_has_findings(options);
	}
	findings_join();
	if (!options->dry_run)
		review_report(options);
	return failed ? EX_NOINPUT : any;
}

/* Memory for one function comes and goes thousands of times: the system is not to have it back. */
static void review_keep_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 256 << 20);
	mallopt(M_TRIM_THRESHOLD, 512 << 20);
#endif
}

static int review_asks(struct review_options *options)
{
	int r = 0;

	if (options->help) {
		review_usage();
	} else if (options->version) {
		puts("postern review " REVIEW_VERSION);
	} else if (options->list_rules) {
		explain_list(stdout);
	} else if (options->explain) {
		r = explain_rule(stdout, options->explain);
		if (r < 0)
			complain("no rule \"%s\"; see --rules", options->explain);
		r = r < 0 ? EX_USAGE : 0;
	} else if (options->lsp) {
		r = lsp_serve(editor_review, options);
	} else {
		r = review_run(options);
	}
	if (fflush(stdout) != 0 && !r)
		r = EX_IOERR;
	return r;
}

int review_main(int argc, char **argv)
{
	struct review_options options;
	int r;

	review_keep_memory();
	kb_init();
	r = review_options_parse(&options, argc, argv);
	if (!r)
		r = review_asks(&options);
	free(options.choices);
	return r;
}
