#include <QList>
#include <QString>

struct Job {
	int state;
	QList<QString> names;
	QMap<QString, QVariant> data;
	bool isPaused();
};
void use(const QString &name);
QList<QString> names();
void show(int state);

/* A loop that declares its variable does not end the else that it stands in. */
void finish(Job *job)
{
	if (job->state == 3) {
		{
			delete job;
		}
	} else if (job->isPaused()) {
		use("paused");
	} else {
		if (job->data.contains("map")) {
			foreach (const QVariant &server,
				 job->data["map"].toList()) {
				QVariantMap map = server.toMap();
				if (map["URI"].toString() == job->names.first()) {
					use("here");
				}
			}
		}
		bool isOwn = job->names.first() == "own";
		use(isOwn ? "own" : "other");
	}
}

void finishAndLook(Job *job)
{
	if (job->state == 3)
		delete job;
	foreach (const QString &name, names())
		use(name);
	show(job->state); // L4
}
