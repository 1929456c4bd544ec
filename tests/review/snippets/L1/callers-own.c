// What the caller gave is another stream than what is opened here.
#include <stdio.h>
#include <string.h>

char *word(char **rest);

void report(FILE *out, char *line)
{
	FILE *to = out;
	char *w;

	while ((w = word(&line))) {
		if (strcmp(w, "file") == 0) {
			if (to != out)
				fclose(to);
			to = fopen(word(&line), "w");
			if (!to)
				to = out;
		} else if (*w == '#') {
			fprintf(out, "skipped %s\n", w);
			continue;
		}
		fprintf(to, "%s\n", w);
	}
	if (to != out)
		fclose(to);
}

void report_all(FILE *out, char *line)
{
	FILE *to = out;
	char *w;

	while ((w = word(&line))) {
		if (strcmp(w, "file") == 0) {
			to = fopen(word(&line), "w"); // L1
			if (!to)
				to = out;
		}
		fprintf(to, "%s\n", w);
	}
	if (to != out)
		fclose(to);
}
