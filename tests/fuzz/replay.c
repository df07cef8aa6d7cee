/* Feeds every file of the folders given to a fuzzer's one function. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *folder)
{
	DIR *d = opendir(folder);
	char path[4096];
	int n = 0;

	if (!d) {
		perror(folder);
		exit(1);
	}
	for (struct dirent *e; (e = readdir(d));) {
		static uint8_t data[1 << 20];
		FILE *f;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		f = fopen(path, "rb");
		if (!f) {
			perror(path);
			exit(1);
		}
		LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof data, f));
		fclose(f);
		n++;
	}
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	int n = 0;

	for (int i = 1; i < argc; i++)
		n += replay(argv[i]);
	printf("%d inputs\n", n);
	return n ? 0 : 1; /* an empty corpus tests nothing */
}
