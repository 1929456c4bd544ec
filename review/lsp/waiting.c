/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait for a review. They are handled again when it is there, or refused. */

#include "lsp/lsp.h"

#include <stdlib.h>
#include <string.h>

static void waiting_drop(struct lsp_waiting *waiting)
{
	free(waiting->body);
	free(waiting->id);
	free(waiting->uri);
}

void waiting_add(struct lsp *lsp, const struct json *id, const char *uri, const char *body,
		 size_t n)
{
	struct lsp_waiting *waiting = &lsp->waiting[lsp->n_waiting];

	if (lsp->n_waiting == LSP_MAX_WAITING) {
		lsp_reply_null(lsp, id);
		return;
	}
	*waiting = (struct lsp_waiting){ .n = n, .id = lsp_json_text(id), .uri = lsp_copy(uri) };
	waiting->body = malloc(n + 1);
	if (!waiting->body)
		abort();
	memcpy(waiting->body, body, n);
	waiting->body[n] = '\0';
	lsp->n_waiting++;
}

/* Takes it off the list, whose order stays. */
static struct lsp_waiting waiting_take(struct lsp *lsp, size_t i)
{
	struct lsp_waiting taken = lsp->waiting[i];

	lsp->n_waiting--;
	memmove(&lsp->waiting[i], &lsp->waiting[i + 1],
		(lsp->n_waiting - i) * sizeof(*lsp->waiting));
	return taken;
}

void waiting_go_on(struct lsp *lsp, const char *uri)
{
	size_t left = lsp->n_waiting;

	/* One that has to wait again comes behind those that are looked at. */
	for (size_t i = 0; left > 0; left--) {
		struct lsp_waiting waiting;

		if (strcmp(lsp->waiting[i].uri, uri) != 0) {
			i++;
			continue;
		}
		waiting = waiting_take(lsp, i);
		lsp_handle(lsp, waiting.body, waiting.n);
		waiting_drop(&waiting);
	}
}

void waiting_refuse(struct lsp *lsp, const char *uri, enum lsp_error code, const char *why)
{
	for (size_t i = 0; i < lsp->n_waiting;) {
		struct lsp_waiting waiting;

		if (uri && strcmp(lsp->waiting[i].uri, uri) != 0) {
			i++;
			continue;
		}
		waiting = waiting_take(lsp, i);
		lsp_reply_error(lsp, waiting.id, code, why);
		waiting_drop(&waiting);
	}
}

void waiting_cancel(struct lsp *lsp, const struct json *id)
{
	char *text = lsp_json_text(id);

	for (size_t i = 0; i < lsp->n_waiting; i++)
		if (!strcmp(lsp->waiting[i].id, text)) {
			struct lsp_waiting waiting = waiting_take(lsp, i);

			lsp_reply_error(lsp, waiting.id, LSP_CANCELLED, "cancelled");
			waiting_drop(&waiting);
			break;
		}
	free(text);
}
