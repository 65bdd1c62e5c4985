/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Runs ffmpeg, once, and keeps what it made in the lab's cache. */

#include "clip.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "lab/vm/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The source: moving test patterns under a little noise, without which so large a flat picture would not take
 * 5 Mbit/s. One thread and a fixed seed: the same stream each time. x264's options: no B-frames and one
 * reference (baseline), an IDR frame with its parameter sets each second, slices that fit a packet, frames
 * that fit a buffer of 0.2 s.
 */
#define SOURCE "ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=size=640x360:rate=25:duration=5," \
	"noise=alls=3:allf=t:all_seed=1,format=yuv420p -c:v libx264 -threads 1 -preset ultrafast -qp 0 %s/source.mkv"
#define ENCODE "ffmpeg -nostdin -loglevel error -y -i %s/source.mkv -c:v libx264 -threads 1 -preset veryfast " \
	"-profile:v baseline -b:v 5M -maxrate 5M -bufsize 1M -x264-params " \
	"keyint=25:min-keyint=25:scenecut=0:slice-max-size=1390 -f h264 %s/clip.h264"

static int read_stream(const char *dir, struct clip *ret, struct errtext *e)
{
	_cleanup_free_ char *data = NULL;
	char path[440];
	ssize_t size;
	int r;

	snprintf(path, sizeof(path), "%s/clip.h264", dir);
	size = file_read_alloc(AT_FDCWD, path, SIZE_MAX, &data);
	if (size < 0)
		return errtext_set(e, (int)size, "%s: %s", path, strerror((int)-size));
	r = clip_cut(ret, (uint8_t *)data, (size_t)size, e);
	if (r < 0)
		return r;
	data = NULL; /* taken over */
	if (ret->n_frames != CLIP_FRAMES) {
		clip_free(ret);
		return errtext_set(e, -EBADMSG, "%s: not %d frames", path, CLIP_FRAMES);
	}
	return 0;
}

/* The stamp is written last, and says by which commands the files were made. */
static bool is_there(const char *dir)
{
	_cleanup_free_ char *stamp = NULL;
	char path[440];

	snprintf(path, sizeof(path), "%s/stamp", dir);
	return proc_read_ns(NULL, path, &stamp) == 0 && strcmp(stamp, SOURCE "\n" ENCODE "\n") == 0;
}

static int write_stamp(const char *dir, struct errtext *e)
{
	char path[440];
	FILE *f;

	snprintf(path, sizeof(path), "%s/stamp", dir);
	f = fopen(path, "we");
	if (!f)
		return errtext_set(e, -errno, "%s: %s", path, strerror(errno));
	fputs(SOURCE "\n" ENCODE "\n", f);
	return fclose(f) == 0 ? 0 : errtext_set(e, -errno, "%s: %s", path, strerror(errno));
}

int clip_make(const char *dir, struct clip *ret, struct clip_files *files, struct errtext *e)
{
	bool there = is_there(dir);
	int r = 0;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return errtext_set(e, -errno, "%s: %s", dir, strerror(errno));
	if (strlen(dir) >= sizeof(files->dir))
		return errtext_set(e, -ENAMETOOLONG, "the cache directory's name is too long");
	snprintf(files->dir, sizeof(files->dir), "%s", dir);
	snprintf(files->source, sizeof(files->source), "%s/source.mkv", dir);
	snprintf(files->packets, sizeof(files->packets), "%s/clip.rtp", dir);
	if (!there)
		r = proc_run(NULL, NULL, e, SOURCE, dir);
	if (r == 0 && !there)
		r = proc_run(NULL, NULL, e, ENCODE, dir, dir);
	if (r == 0)
		r = read_stream(dir, ret, e);
	if (r < 0 || there)
		return r;
	r = clip_write_rtpdump(ret, files->packets);
	if (r < 0)
		errtext_set(e, r, "%s: %s", files->packets, strerror(-r));
	else
		r = write_stamp(dir, e);
	if (r < 0)
		clip_free(ret);
	return r;
}

int clip_get(const struct clip **ret, const struct clip_files **files, struct errtext *e)
{
	static struct clip_files own_files;
	static struct clip own;
	char dir[IMAGE_DIR_MAX + 16];
	int r;

	if (!own.data) {
		r = image_cache(dir, e);
		if (r < 0)
			return r;
		strcat(dir, "/video");
		r = clip_make(dir, &own, &own_files, e);
		if (r < 0)
			return r;
	}
	*ret = &own;
	*files = &own_files;
	return 0;
}
