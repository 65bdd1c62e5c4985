/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "book_svg.h"

#include "base/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Said by every group of terminal svg's option "rounded". */
static const char rounded[] = " stroke-linecap=\"round\" stroke-linejoin=\"round\"";
static const char canvas[] = "<g id=\"gnuplot_canvas\">";
/* Said once, for all. */
static const char canvas_rounded[] =
	"<g id=\"gnuplot_canvas\" stroke-linecap=\"round\" stroke-linejoin=\"round\">";

static void cut(char *from, const char *to)
{
	memmove(from, to, strlen(to) + 1);
}

/* "<g ...>\n</g>\n" becomes nothing; groups with an id are named on purpose. */
static void cut_empty_groups(char *svg)
{
	char *in = svg, *out = svg;

	while (*in) {
		size_t line = strcspn(in, "\n") + 1, close;
		const char *next;

		if (!in[line - 1])
			line--;
		next = in + line;
		close = strncmp(next, "</g>\n", 5) == 0 ? 5 : 0;
		if (close && strncmp(in, "<g ", 3) == 0 && in[line - 2] == '>' &&
		    !memmem(in, line, " id=", 4) && !memmem(in, line, "</g>", 4)) {
			in += line + close;
			continue;
		}
		memmove(out, in, line);
		out += line;
		in += line;
	}
	*out = 0;
}

/* Returns whether any was there. */
static bool cut_all(char *svg, const char *what)
{
	size_t n = strlen(what);
	bool any = false;
	char *in = svg, *out = svg;

	while (*in)
		if (strncmp(in, what, n) == 0) {
			in += n;
			any = true;
		} else {
			*out++ = *in++;
		}
	*out = 0;
	return any;
}

void svg_slim_text(char *svg)
{
	char *defs = strstr(svg, "<defs>"), *end = defs ? strstr(defs, "</defs>\n") : NULL, *at;

	/* the symbols of points: not one is used */
	if (end && !strstr(end, "xlink:href") && !strstr(end, "url(#"))
		cut(defs, end + strlen("</defs>\n"));
	cut_empty_groups(svg);
	if (!cut_all(svg, rounded))
		return;
	at = strstr(svg, canvas);
	if (!at)
		return;
	/* what was cut makes room for what is said once */
	memmove(at + strlen(canvas_rounded), at + strlen(canvas), strlen(at + strlen(canvas)) + 1);
	memcpy(at, canvas_rounded, strlen(canvas_rounded));
}

int svg_slim(const char *path, struct errtext *e)
{
	_cleanup_free_ char *text = NULL;
	char fresh[PATH_MAX];
	struct stat st;
	FILE *f = fopen(path, "re");
	bool bad;
	size_t n;

	if (!f)
		return errtext_set(e, -errno, "%.400s: %s", path, strerror(errno));
	if (fstat(fileno(f), &st) < 0 || !(text = malloc((size_t)st.st_size + 1))) {
		fclose(f);
		return errtext_set(e, -ENOMEM, "%.400s: cannot be read", path);
	}
	n = fread(text, 1, (size_t)st.st_size, f);
	fclose(f);
	text[n] = 0;
	svg_slim_text(text);
	snprintf(fresh, sizeof(fresh), "%.4000s.new", path);
	f = fopen(fresh, "we");
	if (!f)
		return errtext_set(e, -errno, "%.400s: %s", fresh, strerror(errno));
	fputs(text, f);
	bad = ferror(f);
	if (fclose(f) != 0 || bad || rename(fresh, path) < 0) {
		unlink(fresh);
		return errtext_set(e, -EIO, "%.400s: not written completely", path);
	}
	return 0;
}
