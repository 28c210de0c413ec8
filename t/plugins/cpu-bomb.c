/*
 * cpu-bomb.c - seed 001's CPU-intensive plugin: an endless loop.
 */
int main(void)
{
	for (volatile int i = 0;;)
		i = !i;
}
