struct Job {
	void work();
};
void note(int n);

int good_last()
{
	Job *job = nullptr;
	try {
		job = new Job;
		job->work();
		delete job;
		job = nullptr;
	} catch (int n) {
		delete job;
		return n;
	}
	return 0;
}

int bad_before_last(Job *job)
{
	try {
		job->work();
		delete job;
		note(1);
	} catch (int n) {
		delete job; // L4
		return n;
	}
	return 0;
}

class Badge {
public:
	Badge(const Badge &) = delete;
	Badge &operator=(const Badge &) = delete;
	bool operator==(const Badge &) const = delete;
	void *operator new(unsigned long) = delete;
};
