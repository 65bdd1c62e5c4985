/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "book.h"

#include "book_parts.h"
#include "core/cleanup.h"
#include "programs.h"
#include "report.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define EXIT_USAGE 2

static void everything(struct doc *d, const struct book *b, const struct causes *c, const struct targets *t)
{
	doc_open(d, "Sharing a wire among virtual machines: the evaluation");
	book_head(d, b);
	book_summary(d, b, t);
	book_figures(d, b, t);
	book_peers(d, b, c);
	book_video(d, b);
	book_guests(d, b);
	book_others(d, b);
	book_scenarios(d, b);
	doc_close(d);
}

struct output {
	const char *dir, *name;
	const struct doc_ops *ops;
	const char *plots, *plots_url;
};

static int write_one(const struct output *o, const struct book *b, const struct causes *c, const struct targets *t,
		     struct errtext *e)
{
	struct doc d = { .ops = o->ops, .plots = o->plots, .plots_url = o->plots_url };
	int r = report_open(&d.f, o->dir, o->name, e);

	if (r < 0)
		return r;
	everything(&d, b, c, t);
	return report_close(d.f, o->dir, o->name, e);
}

static int make_directory(const char *path, struct errtext *e)
{
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return errtext_set(e, -errno, "%.400s: %s", path, strerror(errno));
	return 0;
}

static int copy_file(const char *from, const char *to, struct errtext *e)
{
	FILE *in = fopen(from, "re"), *out;
	char buffer[16384];
	size_t n;
	bool bad;

	if (!in)
		return errno == ENOENT ? 0 : errtext_set(e, -errno, "%.400s: %s", from, strerror(errno));
	out = fopen(to, "we");
	if (!out) {
		fclose(in);
		return errtext_set(e, -errno, "%.400s: %s", to, strerror(errno));
	}
	while ((n = fread(buffer, 1, sizeof(buffer), in)) > 0)
		fwrite(buffer, 1, n, out);
	bad = ferror(in) || ferror(out);
	fclose(in);
	if (fclose(out) != 0 || bad)
		return errtext_set(e, -EIO, "%.400s: not written completely", to);
	return 0;
}

static int copy_plots(const struct book *b, const char *from, const char *to, struct errtext *e)
{
	for (size_t k = 0; k < paper_n_figures; k++)
		for (size_t i = 0; figure_scenario(b, &paper_figures[k], i); i++) {
			const char *name = figure_plot_name(&paper_figures[k], i);
			char a[PATH_MAX], z[PATH_MAX];
			int r;

			snprintf(a, sizeof(a), "%.3900s/%s.svg", from, name);
			snprintf(z, sizeof(z), "%.3900s/%s.svg", to, name);
			r = copy_file(a, z, e);
			if (r < 0)
				return r;
		}
	return 0;
}

/* FILE.md with its plots in a folder FILE beside it. */
static int write_doc(const char *file, const struct book *b, const struct causes *c, const struct targets *t,
		     const char *plots, struct errtext *e)
{
	char dir[PATH_MAX], folder[PATH_MAX], stem[NAME_MAX + 1];
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file, *dot = strrchr(name, '.');
	struct output o = { .dir = dir, .name = name, .ops = &doc_markdown, .plots = folder, .plots_url = stem };
	int r;

	if (!dot || dot == name || strcmp(dot, ".md") != 0)
		return errtext_set(e, -EINVAL, "%.300s: a name with .md at its end was expected", file);
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - file) : 1, slash ? file : ".");
	if (slash == file)
		snprintf(dir, sizeof(dir), "/");
	snprintf(stem, sizeof(stem), "%.*s", (int)(dot - name), name);
	snprintf(folder, sizeof(folder), "%.3800s/%s", dir, stem);
	r = make_directory(folder, e);
	if (r == 0)
		r = copy_plots(b, plots, folder, e);
	return r < 0 ? r : write_one(&o, b, c, t, e);
}

static int load_causes(const char *file, struct causes *c, struct errtext *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.4000s/../../doc/causes.md", program_scenarios());
	return causes_load(file ?: path, file != NULL, c, e);
}

int book_write(const char *dir, const struct book_options *options, struct errtext *e)
{
	_cleanup_(book_freep) struct book *b = NULL;
	_cleanup_(causes_free) struct causes c = {};
	_cleanup_free_ struct targets *t = calloc(1, sizeof(*t));
	char plots[PATH_MAX];
	int r = book_load(dir, &b, e);

	if (!t)
		return errtext_set(e, -ENOMEM, "out of memory");
	if (r == 0)
		r = load_causes(options->causes, &c, e);
	if (r < 0)
		return r;
	snprintf(plots, sizeof(plots), "%.4000s/plots", dir);
	r = make_directory(plots, e);
	if (r == 0)
		r = figures_draw(b, plots, e);
	if (r < 0)
		return r;
	targets_figures(b, t);
	targets_video(b, t);
	targets_peers(b, &c, t);
	r = write_one(&(const struct output){ dir, "report.html", &doc_html, plots, "plots" }, b, &c, t, e);
	if (r == 0)
		r = write_one(&(const struct output){ dir, "report.md", &doc_markdown, plots, "plots" }, b, &c, t, e);
	if (r == 0 && options->doc)
		r = write_doc(options->doc, b, &c, t, plots, e);
	return r;
}

static int usage_error(const char *what, const char *which)
{
	fprintf(stderr, "divvy-lab: report: %s%s%s; usage: divvy-lab report DIR [--doc FILE.md] [--causes FILE]\n", what,
		which ? ": " : "", which ?: "");
	return EXIT_USAGE;
}

int book_verb(int argc, char **argv)
{
	struct book_options o = {};
	const char *dir = NULL;
	struct errtext e = {};

	for (int i = 1; i < argc; i++) {
		bool doc = strcmp(argv[i], "--doc") == 0;

		if (argv[i][0] != '-') {
			if (dir)
				return usage_error("one directory was expected", argv[i]);
			dir = argv[i];
			continue;
		}
		if (!doc && strcmp(argv[i], "--causes") != 0)
			return usage_error("unknown option", argv[i]);
		if (i + 1 == argc)
			return usage_error("a value is missing after", argv[i]);
		*(doc ? &o.doc : &o.causes) = argv[i + 1];
		i++;
	}
	if (!dir)
		return usage_error("a directory was expected", NULL);
	if (book_write(dir, &o, &e) < 0) {
		fprintf(stderr, "divvy-lab: %s\n", e.text);
		return EXIT_FAILURE;
	}
	printf("%s/report.html\n%s/report.md\n", dir, dir);
	if (o.doc)
		printf("%s\n", o.doc);
	return EXIT_SUCCESS;
}
