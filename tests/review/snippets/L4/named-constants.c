#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "dialog.h"

/* The dialog runs again after the free; only the same answer as before leads to the last one. */
char *ask_twice(struct dialog *d)
{
	char *one = NULL, *two = NULL;
	int result;

again:
	switch (result = dialog_run(d)) {
	case DIALOG_OK:
		one = g_strdup(dialog_text(d, 1));
		two = g_strdup(dialog_text(d, 2));
		if (strcmp(one, two) != 0) {
			g_free(one);
			g_free(two);
			goto again;
		}
	default:
		break;
	}
	if (result == DIALOG_OK) {
		g_free(one);
		return two;
	}
	return NULL;
}

char *ask_twice_without_a_new_text(struct dialog *d)
{
	char *one = g_strdup(dialog_text(d, 1)), *two;
	int result = dialog_run(d);

	two = g_strdup(dialog_text(d, 2));
	if (result == DIALOG_OK && strcmp(one, two) != 0)
		g_free(one);
	if (result == DIALOG_OK) {
		g_free(one); // L4
		return two;
	}
	g_free(two);
	return NULL;
}

void by_kind(struct dialog *d)
{
	char *text = g_strdup(dialog_text(d, 1));
	int kind = dialog_kind(d);

	if (kind == KIND_PLAIN)
		g_free(text);
	dialog_show(d);
	if (kind == KIND_RICH)
		g_free(text);
}

void by_one_kind(struct dialog *d)
{
	char *text = g_strdup(dialog_text(d, 1));
	int kind = dialog_kind(d);

	if (kind == KIND_PLAIN)
		g_free(text);
	dialog_show(d);
	if (kind == KIND_PLAIN)
		g_free(text); // L4
}

/* Whatever the kind, the text is another one. */
void each_case_sets_it(struct dialog *d, const int *kinds, int n)
{
	char *text;

	text = g_strdup("name");
	dialog_set(d, text);
	g_free(text);
	for (int i = 0; i < n; i++) {
		int number;

		switch (kinds[i]) {
		case KIND_PLAIN:
			text = g_strdup(dialog_text(d, i));
			break;
		case KIND_RICH:
			number = dialog_number(d, i);
			if (number < 0)
				return;
			text = g_strdup_printf("%d", number);
			break;
		case KIND_NONE:
			continue;
		}
		dialog_set(d, text);
		g_free(text);
	}
}

void one_case_does_not(struct dialog *d, const int *kinds, int n)
{
	char *text;

	text = g_strdup("name");
	dialog_set(d, text);
	g_free(text);
	for (int i = 0; i < n; i++) {
		switch (kinds[i]) {
		case KIND_PLAIN:
			text = g_strdup(dialog_text(d, i));
			break;
		case KIND_RICH:
			dialog_show(d);
			break;
		}
		g_free(text); // L4
	}
}
