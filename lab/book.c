/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "book.h"

#include "base/cleanup.h"
#include "book_parts.h"
#include "lab/proc/programs.h"
#include "lab/record/report.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define EXIT_USAGE 2

/* What every file is written from. */
struct contents {
	struct book *b;
	struct causes c;
	struct targets *t;
	char no_plots[200]; /* why not all plots are there; "" */
};

static void contents_free(struct contents *c)
{
	book_free(c->b);
	causes_free(&c->c);
	free(c->t);
}

static void everything(struct doc *d, const struct contents *all)
{
	const struct book *b = all->b;
	const struct targets *t = all->t;

	doc_open(d, "Sharing a wire among virtual machines: the evaluation");
	book_head(d, b, all->no_plots[0] ? all->no_plots : NULL);
	book_summary(d, b, t);
	book_figures(d, b, t);
	book_peers(d, b, &all->c);
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

static int write_one(const struct output *o, const struct contents *all, struct errtext *e)
{
	struct doc d = { .ops = o->ops, .plots = o->plots, .plots_url = o->plots_url };
	int r = report_open(&d.f, o->dir, o->name, e);

	if (r < 0)
		return r;
	everything(&d, all);
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
static int write_doc(const char *file, const struct contents *all, const char *plots, struct errtext *e)
{
	char dir[PATH_MAX], folder[PATH_MAX], stem[NAME_MAX + 1];
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file, *dot = strrchr(name, '.');
	struct output o = {
		.dir = dir, .name = name, .ops = &doc_markdown, .plots = folder, .plots_url = stem
	};
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
		r = copy_plots(all->b, plots, folder, e);
	return r < 0 ? r : write_one(&o, all, e);
}

static int load_causes(const char *file, struct causes *c, struct errtext *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.4000s/../../doc/causes.md", program_scenarios());
	return causes_load(file ?: path, file != NULL, c, e);
}

static int read_all(const char *dir, const struct book_options *o, struct contents *all, struct errtext *e)
{
	int r = book_load(dir, &all->b, e);

	if (r == 0)
		r = load_causes(o->causes, &all->c, e);
	if (r < 0)
		return r;
	all->t = calloc(1, sizeof(*all->t));
	if (!all->t)
		return errtext_set(e, -ENOMEM, "out of memory");
	targets_figures(all->b, all->t);
	targets_video(all->b, all->t);
	targets_peers(all->b, &all->c, all->t);
	targets_quick(all->b, all->t);
	return 0;
}

int book_write(const char *dir, const struct book_options *options, struct errtext *e)
{
	_cleanup_(contents_free) struct contents all = {};
	char plots[PATH_MAX];
	struct errtext why = {};
	int r = read_all(dir, options, &all, e);

	if (r < 0)
		return r;
	snprintf(plots, sizeof(plots), "%.4000s/plots", dir);
	r = make_directory(plots, e);
	if (r < 0)
		return r;
	/* a report without plots is better than none */
	if (figures_draw(all.b, plots, &why) < 0)
		snprintf(all.no_plots, sizeof(all.no_plots), "%.199s", why.text);
	r = write_one(&(const struct output){ dir, "report.html", &doc_html, plots, "plots" }, &all, e);
	if (r == 0)
		r = write_one(&(const struct output){ dir, "report.md", &doc_markdown, plots, "plots" }, &all, e);
	if (r == 0 && options->doc)
		r = write_doc(options->doc, &all, plots, e);
	return r;
}

static int usage_error(const char *what, const char *which)
{
	fprintf(stderr,
		"divvy-lab: report: %s%s%s; usage: divvy-lab report DIR [--doc FILE.md] [--causes FILE]\n",
		what, which ? ": " : "", which ?: "");
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
