/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The evaluation's report as written: series and plots, and that it says what the data say. */

#include "base/cleanup.h"
#include "lab/book.h"
#include "lab/book_parts.h"
#include "lab/book_plot.h"
#include "lab/book_series.h"
#include "lab/book_svg.h"
#include "folder.h"

#include <errno.h>
#include <math.h>

static char *slurp(const char *folder, const char *name)
{
	char path[300], *text = calloc(1, 1 << 20);
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	return text;
}

/* --- series and plots ---------------------------------------------------------------------------- */

static void cuts_series(void **state)
{
	_cleanup_(book_freep) struct book *b = NULL;
	_cleanup_(series_free) struct series bandwidth = {}, gaps = {};
	struct errtext e = {};
	struct folder f;

	(void)state;
	folder_make(&f);
	folder_write(&f, "summary.json",
		     "{\"scenario\": \"s\", \"phases\": [{\"under\": \"nothing\", \"at_s\": 0, \"seconds\": 1, "
		     "\"vms\": [{\"name\": \"a\"}]},{\"under\": \"device\", \"scheduler\": \"divvy\", "
		     "\"at_s\": 1, \"seconds\": 1, \"vms\": [{\"name\": \"a\"}]}]}");
	folder_write(&f, "bandwidth.csv",
		     "t_s,phase,a_mbps,total_mbps\n0.5,\"no \"\"x\"\", y\",1,2\n"
		     "1.2,\"d\",10,20\n1.4,\"d\",20,40\n1.6,\"d\",30,60\nbad\n2.1,\"d\",9,9\n");
	folder_write(&f, "gaps.csv",
		     "phase_number,repetition,vm,t_s,gap_ms,bytes\n1,1,a,0.5,1,9\n2,1,a,1.5,2,9\n"
		     "2,1,b,1.5,3,9\n2,1,a,1.502,2,9\n2,1,a,1.9,2,9\n2,2,a,1.504,2,9\n");
	assert_int_equal(book_load(f.path, &b, &e), 0);
	assert_int_equal(series_bandwidth(&b->scenarios[0], "device", 2, &bandwidth), 0);
	assert_int_equal(bandwidth.n, 2);
	assert_float_equal(bandwidth.p[0].x, 0.3, 1e-9);
	assert_float_equal(bandwidth.p[0].y[0], 15, 1e-9);
	assert_float_equal(bandwidth.p[1].y[1], 60, 1e-9);
	assert_float_equal(bandwidth.y_max, 60, 1e-9);
	assert_int_equal(series_gaps(&b->scenarios[0], "device", 0, 100, 10, &gaps), 0);
	/* of the first repetition, of that VM, within 100 ms */
	assert_int_equal(gaps.n, 3);
	assert_float_equal(gaps.p[1].x, 4, 1e-6);
	assert_float_equal(gaps.p[1].y[0], 2, 1e-9);
	folder_remove(&f);
}

/* Two panels of an hour each: drawn, thinned, within what is committed of a plot. */
static void draws_plots(void **state)
{
	static const char *const unders[] = { "nothing", "device", "not run" };
	_cleanup_(book_freep) struct book *b = NULL;
	_cleanup_free_ char *svg = NULL;
	struct errtext e = {};
	struct folder f;
	char path[200];
	FILE *out;

	(void)state;
	if (system("command -v gnuplot >/dev/null 2>&1") != 0) {
		print_message("# gnuplot is not installed\n");
		skip();
	}
	folder_make(&f);
	folder_write(&f, "summary.json",
		     "{\"scenario\": \"s\", \"phases\": [{\"under\": \"nothing\", \"at_s\": 0, \"seconds\": "
		     "3600, \"vms\": [{\"name\": \"it's\"}]},{\"under\": \"device\", \"scheduler\": \"divvy\", "
		     "\"at_s\": 3600, \"seconds\": 3600, \"vms\": [{\"name\": \"it's\", \"entitled_mbps\": "
		     "50}]}]}");
	snprintf(path, sizeof(path), "%s/bandwidth.csv", f.path);
	out = fopen(path, "w");
	assert_non_null(out);
	for (int i = 0; i < 72000; i++)
		fprintf(out, "%.1f,\"p\",%d,%d\n", i / 10.0, i % 90, i % 90);
	fclose(out);
	assert_int_equal(book_load(f.path, &b, &e), 0);
	if (book_plot(&b->scenarios[0], unders, 3, false, 0, f.path, "plot", &e) < 0)
		fail_msg("%s", e.text);
	svg = slurp(f.path, "plot.svg");
	assert_true(strlen(svg) < 60000);
	assert_non_null(strstr(svg, "device"));
	assert_null(strstr(svg, "not run"));
	assert_non_null(strstr(svg, "</svg>"));
	assert_int_equal(book_plot(&b->scenarios[0], unders + 2, 1, false, 0, f.path, "none", &e), -ENODATA);
	folder_remove(&f);
}

static void slims_plots(void **state)
{
	char svg[] =
		"<svg>\n<g id=\"gnuplot_canvas\">\n<defs>\n<circle/>\n</defs>\n"
		"<g fill=\"none\" stroke-linecap=\"round\" stroke-linejoin=\"round\">\n</g>\n"
		"<g fill=\"none\" stroke-linecap=\"round\" stroke-linejoin=\"round\">\n<path d='M1,1'/></g>\n"
		"<g id=\"named\" >\n</g>\n</g>\n</svg>\n";

	(void)state;
	svg_slim_text(svg);
	assert_string_equal(svg,
			    "<svg>\n<g id=\"gnuplot_canvas\" stroke-linecap=\"round\" stroke-linejoin=\"round\">\n"
			    "<g fill=\"none\">\n<path d='M1,1'/></g>\n<g id=\"named\" >\n</g>\n</g>\n</svg>\n");
}

/* --- the whole ----------------------------------------------------------------------------------- */

static void has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("not in the report: %s", what);
}

static void copy_fixture(const struct folder *f)
{
	char command[3 * PATH_MAX];

	snprintf(command, sizeof(command), "cp -r '%s'/* '%s'", data("book"), f->path);
	assert_int_equal(system(command), 0);
}

static void writes_the_report(void **state)
{
	_cleanup_free_ char *html = NULL, *md = NULL, *doc = NULL;
	struct errtext e = {};
	char causes[2 * PATH_MAX], file[200];
	struct folder f;

	(void)state;
	folder_make(&f);
	copy_fixture(&f);
	snprintf(causes, sizeof(causes), "%s", data("causes.md"));
	snprintf(file, sizeof(file), "%s/evaluation.md", f.path);
	if (book_write(f.path, &(const struct book_options){ .causes = causes, .doc = file }, &e) < 0)
		fail_msg("%s", e.text);
	html = slurp(f.path, "report.html");
	md = slurp(f.path, "report.md");
	doc = slurp(f.path, "evaluation.md");
	/* alone */
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "src="));
	assert_null(strstr(html, "http"));
	has(html, "2 x Test &lt;CPU&gt;");
	has(md, "2 x Test \\<CPU\\>");
	has(html, "video-flood: failed: no ffmpeg");
	has(html, "libvirt was left out: no act_police | here");
	has(md, "no act\\_police \\| here");
	has(html, "its token bucket is finer than ours.");
	has(html, "htb default 1 &amp; &lt;more&gt;");
	/* of HTB's 6 ms by 16.5: the queue explains; of quota's RTT there is nothing to say */
	has(html, "the send buffer may hold 12.0 ms");
	has(html,
	    "Device scheduling reaches share error of the worst VM: 0.200 [0.100..0.400] points (at most "
	    "0.3 points, not in every repetition)");
	has(html, "Not measured in this run: fig05 has no result.");
	has(doc, "# Sharing a wire");
	folder_remove(&f);
}

/* A cell's text must not make another cell, nor a heading. */
static void escapes(void **state)
{
	const struct doc_ops *const kinds[] = { &doc_html, &doc_markdown };
	static const char *const heads[] = { "a|b", NULL };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *text = NULL;
		size_t size;
		struct doc d = {
			.ops = kinds[i], .f = open_memstream(&text, &size), .plots = "", .plots_url = ""
		};

		doc_table_begin(&d, heads);
		doc_row_begin(&d);
		doc_cell(&d, MARK_NONE, "x|y\n<z>");
		doc_cell(&d, MARK_NONE, "%s", "");
		doc_row_end(&d);
		doc_table_end(&d);
		fclose(d.f);
		has(text,
		    i ? "| a\\|b |\n| --- |\n| x\\|y \\<z\\> | - |\n" : "<td>x|y\n&lt;z&gt;</td><td>-</td>");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_series),
		cmocka_unit_test(draws_plots),
		cmocka_unit_test(slims_plots),
		cmocka_unit_test(writes_the_report),
		cmocka_unit_test(escapes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
