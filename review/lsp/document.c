/* SPDX-License-Identifier: Apache-2.0 */
/* Open documents. Their text is the client's, whatever the disk has. */

#include "lsp/lsp.h"
#include "read/source.h"
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

static int document_hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

char *document_path(const char *uri)
{
	char *path, *to;

	if (strncasecmp(uri, "file://", 7) != 0)
		return NULL;
	uri += 7;
	if (!strncasecmp(uri, "localhost/", 10))
		uri += 9;
	if (*uri != '/')
		return NULL;
	path = to = lsp_copy(uri);
	for (; *uri; uri++) {
		int high = *uri == '%' ? document_hex(uri[1]) : -1;
		int low = high < 0 ? -1 : document_hex(uri[2]);

		if (low < 0)
			*to++ = *uri;
		else
			*to++ = (char)(high << 4 | low);
		uri += low < 0 ? 0 : 2;
	}
	*to = '\0';
	return path;
}

struct lsp_document *document_find(struct lsp *lsp, const char *uri)
{
	for (size_t i = 0; uri && i < lsp->n_documents; i++)
		if (!strcmp(lsp->documents[i].uri, uri))
			return &lsp->documents[i];
	return NULL;
}

static struct lsp_document *document_of(struct lsp *lsp, const struct json *params)
{
	return document_find(lsp, json_get_text(json_get(params, "textDocument"), "uri"));
}

static void document_drop(struct lsp_document *document)
{
	free(document->uri);
	free(document->path);
	free(document->version);
	free(document->diagnostics);
	text_drop(&document->text);
}

/* Its text is another one; or what it depends on. */
static void document_is_due(struct lsp *lsp, struct lsp_document *document, int64_t delay_ms)
{
	run_give_up(lsp);
	free(document->diagnostics);
	document->diagnostics = NULL;
	document->due = document->path != NULL;
	lsp->due_ms = lsp_now_ms() + delay_ms;
}

void documents_due(struct lsp *lsp)
{
	for (size_t i = 0; i < lsp->n_documents; i++) {
		document_is_due(lsp, &lsp->documents[i], LSP_DELAY_MS);
		lsp->documents[i].saved = true;
	}
}

/* Set again when it is opened again, after a change that could not be followed. */
static void document_set_path(struct lsp_document *document)
{
	free(document->path);
	document->path = document_path(document->uri);
	if (document->path && !source_name_is_code(document->path)) {
		free(document->path);
		document->path = NULL;
	}
}

static void document_set_version(struct lsp_document *document, const struct json *of)
{
	const struct json *version = json_get(of, "version");

	free(document->version);
	document->version = version && version->kind == JSON_NUMBER ? lsp_copy(version->text)
								    : lsp_copy("null");
}

void document_open(struct lsp *lsp, const struct json *params)
{
	const struct json *item = json_get(params, "textDocument"), *text = json_get(item, "text");
	const char *uri = json_get_text(item, "uri");
	struct lsp_document *document = document_find(lsp, uri);

	if (!uri || !text || text->kind != JSON_STRING || lsp->n_documents == LSP_MAX_DOCUMENTS)
		return;
	if (document) {
		text_drop(&document->text);
	} else {
		lsp->documents = grow(lsp->documents, lsp->n_documents, &lsp->cap_documents,
				      sizeof(*lsp->documents));
		document = &lsp->documents[lsp->n_documents++];
		*document = (struct lsp_document){ .uri = lsp_copy(uri) };
	}
	document_set_path(document);
	text_add(&document->text, text->text, text->n);
	document_set_version(document, item);
	document->saved = true;
	document_is_due(lsp, document, 0);
}

/* Without a range the whole text is replaced. */
static bool document_change_one(struct lsp *lsp, struct lsp_document *document,
				const struct json *change)
{
	const struct json *range = json_get(change, "range"), *text = json_get(change, "text");
	struct text *old = &document->text, new = { 0 };
	struct lsp_position from, to;
	size_t begin = 0, end = old->n;

	if (!text || text->kind != JSON_STRING)
		return false;
	if (range && range->kind != JSON_NULL) {
		if (!range_read(range, &from, &to))
			return false;
		begin = position_to_offset(lsp, old->s, old->n, from);
		end = position_to_offset(lsp, old->s, old->n, to);
		if (end < begin)
			return false;
	}
	if (begin + text->n + (old->n - end) > LSP_MAX_MESSAGE)
		return false;
	text_add(&new, old->s, begin);
	text_add(&new, text->text, text->n);
	text_add(&new, old->s + end, old->n - end);
	text_drop(old);
	*old = new;
	return true;
}

void document_change(struct lsp *lsp, const struct json *params)
{
	struct lsp_document *document = document_of(lsp, params);
	const struct json *changes = json_get(params, "contentChanges");

	if (!document || !changes || changes->kind != JSON_ARRAY)
		return;
	for (const struct json *change = changes->first; change; change = change->next)
		if (!document_change_one(lsp, document, change)) {
			lsp_log(lsp,
				"%s: an invalid change; it is not reviewed until it is opened again",
				document->uri);
			free(document->path);
			document->path = NULL;
			break;
		}
	document_set_version(document, json_get(params, "textDocument"));
	document_is_due(lsp, document, LSP_DELAY_MS);
	waiting_refuse(lsp, document->uri, LSP_CONTENT_MODIFIED, "the document has changed");
}

void document_save(struct lsp *lsp, const struct json *params)
{
	struct lsp_document *document = document_of(lsp, params);

	if (!document)
		return;
	document->saved = true;
	document_is_due(lsp, document, 0);
}

void document_close(struct lsp *lsp, const struct json *params)
{
	struct lsp_document *document = document_of(lsp, params);
	char *uri;

	if (!document)
		return;
	run_give_up(lsp);
	uri = lsp_copy(document->uri);
	free(document->diagnostics);
	document->diagnostics = lsp_copy("[]");
	free(document->version);
	document->version = lsp_copy("null");
	document_publish(lsp, document);
	document_drop(document);
	*document = lsp->documents[--lsp->n_documents];
	waiting_refuse(lsp, uri, LSP_CONTENT_MODIFIED, "the document was closed");
	free(uri);
	/* What it has on the disk counts again. */
	documents_due(lsp);
}

void document_publish(struct lsp *lsp, const struct lsp_document *document)
{
	FILE *out = lsp_begin(lsp);

	fputs("\"method\":\"textDocument/publishDiagnostics\",\"params\":{\"uri\":", out);
	json_string(out, document->uri);
	if (strcmp(document->version, "null") != 0)
		fprintf(out, ",\"version\":%s", document->version);
	fprintf(out, ",\"diagnostics\":%s}", document->diagnostics);
	lsp_end(lsp);
}

void documents_free(struct lsp *lsp)
{
	while (lsp->n_documents)
		document_drop(&lsp->documents[--lsp->n_documents]);
	free(lsp->documents);
	lsp->documents = NULL;
	lsp->cap_documents = 0;
}
