/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "heard.h"

#include <stdlib.h>

void heard_free(struct heard *h)
{
	for (size_t i = 0; i < h->n_videos; i++)
		video_recording_free(&h->videos[i]);
	free(h->videos);
	free(h->intervals);
	free(h->rtts);
	*h = (struct heard){};
}
