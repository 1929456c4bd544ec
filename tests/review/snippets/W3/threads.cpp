// The program's own threads are no peers: at its end it waits until their work is done.
#include <QThread>
#include <QThreadPool>

class Worker : public QThread {
protected:
	void run() override;
};

void good_left_out(QThread &thread)
{
	thread.quit();
	thread.wait();
}

void good_derived(Worker *worker)
{
	worker->requestInterruption();
	worker->wait(-1);
	delete worker;
}

bool good_pool(QThreadPool *pool)
{
	return pool->waitForDone(-1);
}
