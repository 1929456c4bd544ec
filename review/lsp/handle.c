/* SPDX-License-Identifier: Apache-2.0 */
/* Which method is whose. A request is always answered, with an error if need be; a notification never. */

#include "lsp/lsp.h"
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

/* --- the life of the server --- */

static void handle_folder(struct lsp *lsp, const char *uri)
{
	char *path = uri ? document_path(uri) : NULL;

	if (path && lsp->n_folders < LSP_MAX_FOLDERS)
		lsp->folders[lsp->n_folders++] = path;
	else
		free(path);
}

static void handle_folder_is_gone(struct lsp *lsp, const char *uri)
{
	char *path = uri ? document_path(uri) : NULL;

	for (size_t i = 0; path && i < lsp->n_folders; i++)
		if (!strcmp(lsp->folders[i], path)) {
			free(lsp->folders[i]);
			lsp->folders[i] = lsp->folders[--lsp->n_folders];
			break;
		}
	free(path);
}

static const struct json *handle_first(const struct json *list)
{
	return list && list->kind == JSON_ARRAY ? list->first : NULL;
}

static void handle_capabilities(struct lsp *lsp, const struct json *params)
{
	const struct json *can = json_get(params, "capabilities");
	const struct json *text = json_get(can, "textDocument"), *hover = json_get(text, "hover");
	const struct json *edit = json_get(json_get(can, "workspace"), "workspaceEdit");
	const struct json *folder = handle_first(json_get(params, "workspaceFolders"));

	lsp->utf8 = json_get_has(json_get(can, "general"), "positionEncodings", "utf-8");
	lsp->plain_hover = !json_get_has(hover, "contentFormat", "markdown");
	lsp->versioned_edits = json_get_true(edit, "documentChanges");
	if (!folder)
		handle_folder(lsp, json_get_text(params, "rootUri"));
	for (; folder; folder = folder->next)
		handle_folder(lsp, json_get_text(folder, "uri"));
}

static void handle_initialize(struct lsp *lsp, const struct json *id, const struct json *params)
{
	FILE *out;

	handle_capabilities(lsp, params);
	lsp->initialized = true;
	out = lsp_begin_result(lsp, id);
	fprintf(out, "{\"capabilities\":{\"positionEncoding\":\"%s\",",
		lsp->utf8 ? "utf-8" : "utf-16");
	fputs("\"textDocumentSync\":{\"openClose\":true,\"change\":2,\"save\":{\"includeText\":false}},"
	      "\"hoverProvider\":true,\"codeActionProvider\":{\"codeActionKinds\":[\"quickfix\"]},"
	      "\"workspace\":{\"workspaceFolders\":{\"supported\":true,\"changeNotifications\":true}}},"
	      "\"serverInfo\":{\"name\":\"postern review\",\"version\":\"" REVIEW_VERSION "\"}}",
	      out);
	lsp_end(lsp);
}

static void handle_shutdown(struct lsp *lsp, const struct json *id, const struct json *params)
{
	(void)params;
	run_give_up(lsp);
	waiting_refuse(lsp, NULL, LSP_CANCELLED, "the server shuts down");
	lsp->shut_down = true;
	lsp_reply_null(lsp, id);
}

static void handle_exit(struct lsp *lsp, const struct json *params)
{
	(void)params;
	lsp->over = true;
}

static void handle_folders(struct lsp *lsp, const struct json *params)
{
	const struct json *event = json_get(params, "event");

	for (const struct json *f = handle_first(json_get(event, "removed")); f; f = f->next)
		handle_folder_is_gone(lsp, json_get_text(f, "uri"));
	for (const struct json *f = handle_first(json_get(event, "added")); f; f = f->next)
		handle_folder(lsp, json_get_text(f, "uri"));
	documents_due(lsp);
}

/* A project file, knowledge, a header that is not open. */
static void handle_watched(struct lsp *lsp, const struct json *params)
{
	(void)params;
	documents_due(lsp);
}

static void handle_cancel(struct lsp *lsp, const struct json *params)
{
	const struct json *id = json_get(params, "id");

	if (id)
		waiting_cancel(lsp, id);
}

/* --- requests on a document --- */

typedef void handle_on_document(struct lsp *lsp, const struct lsp_document *document,
				const struct json *id, const struct json *params);

/* The message that is handled, for one that has to wait. */
static const char *handle_body;
static size_t handle_body_n;

static void handle_document(struct lsp *lsp, const struct json *id, const struct json *params,
			    handle_on_document *answer)
{
	const char *uri = json_get_text(json_get(params, "textDocument"), "uri");
	const struct lsp_document *document = document_find(lsp, uri);
	char *text;

	if (!document) {
		text = lsp_json_text(id);
		lsp_reply_error(lsp, text, LSP_INVALID_PARAMS, "that document is not open");
		free(text);
	} else if (run_concerns(lsp, document)) {
		waiting_add(lsp, id, uri, handle_body, handle_body_n);
	} else {
		answer(lsp, document, id, params);
	}
}

static void handle_hover(struct lsp *lsp, const struct json *id, const struct json *params)
{
	handle_document(lsp, id, params, action_hover);
}

static void handle_actions(struct lsp *lsp, const struct json *id, const struct json *params)
{
	handle_document(lsp, id, params, action_list);
}

/* --- the table --- */

static const struct {
	const char *method;
	void (*request)(struct lsp *lsp, const struct json *id, const struct json *params);
	void (*notification)(struct lsp *lsp, const struct json *params);
} handle_methods[] = {
	{ "initialize", handle_initialize, NULL },
	{ "shutdown", handle_shutdown, NULL },
	{ "exit", NULL, handle_exit },
	{ "$/cancelRequest", NULL, handle_cancel },
	{ "textDocument/didOpen", NULL, document_open },
	{ "textDocument/didChange", NULL, document_change },
	{ "textDocument/didSave", NULL, document_save },
	{ "textDocument/didClose", NULL, document_close },
	{ "textDocument/hover", handle_hover, NULL },
	{ "textDocument/codeAction", handle_actions, NULL },
	{ "workspace/didChangeWorkspaceFolders", NULL, handle_folders },
	{ "workspace/didChangeWatchedFiles", NULL, handle_watched },
};

enum { HANDLE_METHODS = sizeof(handle_methods) / sizeof(*handle_methods) };

static void handle_request(struct lsp *lsp, const char *method, const struct json *id,
			   const struct json *params)
{
	bool first = !strcmp(method, "initialize");
	char *text = lsp_json_text(id);
	size_t i = 0;

	while (i < HANDLE_METHODS &&
	       (!handle_methods[i].request || strcmp(handle_methods[i].method, method) != 0))
		i++;
	if (!lsp->initialized && !first)
		lsp_reply_error(lsp, text, LSP_NOT_INITIALIZED, "initialize comes first");
	else if (lsp->shut_down)
		lsp_reply_error(lsp, text, LSP_INVALID_REQUEST, "the server is shut down");
	else if (lsp->initialized && first)
		lsp_reply_error(lsp, text, LSP_INVALID_REQUEST, "initialize comes once");
	else if (i == HANDLE_METHODS)
		lsp_reply_error(lsp, text, LSP_METHOD_NOT_FOUND, "this server has no such method");
	else
		handle_methods[i].request(lsp, id, params);
	free(text);
}

/* Those that are unknown, or come when they must not, are passed over. */
static void handle_notification(struct lsp *lsp, const char *method, const struct json *params)
{
	for (size_t i = 0; i < HANDLE_METHODS; i++)
		if (handle_methods[i].notification && !strcmp(handle_methods[i].method, method) &&
		    (handle_methods[i].notification == handle_exit ||
		     (lsp->initialized && !lsp->shut_down)))
			handle_methods[i].notification(lsp, params);
}

static bool handle_is_id(const struct json *id)
{
	return id && (id->kind == JSON_NUMBER || id->kind == JSON_STRING);
}

void lsp_handle(struct lsp *lsp, const char *body, size_t n)
{
	const char *why = "", *method;
	const struct json *message, *id, *params;

	message = json_read(&lsp->arena, body, n, &why);
	id = json_get(message, "id");
	method = json_get_text(message, "method");
	params = json_get(message, "params");
	handle_body = body;
	handle_body_n = n;
	if (!message)
		lsp_reply_error(lsp, "null", LSP_PARSE_ERROR, why);
	else if (method && handle_is_id(id))
		handle_request(lsp, method, id, params);
	else if (method && !id)
		handle_notification(lsp, method, params);
	else if (!handle_is_id(id) || (!json_get(message, "result") && !json_get(message, "error")))
		lsp_reply_error(lsp, "null", LSP_INVALID_REQUEST,
				"neither a request nor a notification nor an answer");
	handle_body = NULL;
	arena_reset(&lsp->arena);
}
