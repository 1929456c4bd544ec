#include <stdlib.h>
#include <string.h>

#include "words.h"

/* The first buffer is freed at the end, and never before: there the two pointers are one. */
char **split(const char *text, size_t size)
{
	size_t n = 0;
	char **first = malloc(size * sizeof(char *)), **words;

	if (!first)
		return NULL;
	words = first;
	while (words_next(&text)) {
		if (n >= size) {
			char **old = words;

			size *= 2;
			words = malloc(size * sizeof(char *));
			if (!words)
				abort();
			memcpy(words, old, n * sizeof(char *));
			if (old != first)
				free(old);
		}
		words[n++] = NULL;
	}
	if (words != first)
		free(first);
	return words;
}

char **split_without_a_look(const char *text, size_t size)
{
	size_t n = 0;
	char **first = malloc(size * sizeof(char *)), **words;

	if (!first)
		return NULL;
	words = first;
	while (words_next(&text)) {
		if (n >= size) {
			char **old = words;

			size *= 2;
			words = malloc(size * sizeof(char *));
			if (!words)
				abort();
			memcpy(words, old, n * sizeof(char *));
			free(old);
		}
		words[n++] = NULL;
	}
	if (words != first)
		free(first); // L4
	return words;
}

/* What is kept as the best one is another than the one that the other branch frees. */
void *best(struct word *list)
{
	struct word *found = NULL;
	int least = 1000;

	for (struct word *w = list; w; w = words_after(w)) {
		struct word *one = words_look_for(w);

		if (words_cost(one) < least) {
			free(found);
			found = one;
			least = words_cost(found);
		} else {
			free(one);
		}
	}
	return found;
}

void *best_and_freed(struct word *list)
{
	struct word *found = NULL, *one = words_look_for(list);

	for (struct word *w = list; w; w = words_after(w)) {
		found = one;
		free(one);
		free(found); // L4
		one = words_look_for(w);
	}
	return NULL;
}
