int client_open(void);
int client_wake(void);
int client_own(void);
int client_as_told(int flags);
