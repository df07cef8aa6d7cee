#ifndef SOTTO_UI_VERSION_H
#define SOTTO_UI_VERSION_H
/* sotto --version: ours, that of each library as it is loaded now, and what
 * this version cannot do. */
void version_print(void);
#endif
