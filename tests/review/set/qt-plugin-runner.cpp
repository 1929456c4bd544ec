// SPDX-License-Identifier: Apache-2.0
// defects:
// N2 a peer's words become part of a shell command line
// W3 the started program is awaited without a limit
// L7 a QProcess is made for every request and stays
// E5 the server may not listen at all, nobody looks
// L3 an accepted connection that sends nothing stays for ever: no one deletes it
#include <QCoreApplication>
#include <QDebug>
#include <QDir>
#include <QFileInfo>
#include <QHash>
#include <QLocalServer>
#include <QLocalSocket>
#include <QProcess>
#include <QSettings>

class ScriptRunner : public QObject {
  Q_OBJECT

 public:
  explicit ScriptRunner(const QString& dir, QObject* parent = nullptr)
      : QObject(parent), dir_(dir), server_(new QLocalServer(this)) {
    connect(server_, &QLocalServer::newConnection, this, &ScriptRunner::onConnection);
    const QFileInfoList files =
        dir_.entryInfoList({"*.sh"}, QDir::Files | QDir::Readable | QDir::Executable);
    for (const QFileInfo& f : files) scripts_.insert(f.baseName(), f.absoluteFilePath());
    qInfo() << scripts_.size() << "scripts in" << dir_.path();
  }

  void start(const QString& name) {
    server_->listen(name);  // @E5
    qInfo() << "ready on" << name;
  }

 private slots:
  void onConnection() {
    QLocalSocket* client = server_->nextPendingConnection();  // @L3
    if (client == nullptr) return;
    client->setReadBufferSize(2048);
    connect(client, &QLocalSocket::readyRead, this, [this, client] { onReadyRead(client); });
  }

 private:
  void onReadyRead(QLocalSocket* client) {
    while (client->canReadLine()) {
      const QString line = QString::fromUtf8(client->readLine(2048)).trimmed();
      const QString verb = line.section(' ', 0, 0);
      const QString rest = line.section(' ', 1);
      if (verb == "list") {
        client->write(QStringList(scripts_.keys()).join(' ').toUtf8() + '\n');
      } else if (verb == "run") {
        client->write(run(rest));
      } else if (verb == "version") {
        client->write(probeVersion(rest));
      } else if (verb == "detach") {
        detach(rest);
        client->write("ok\n");
      } else {
        client->write("error unknown verb\n");
      }
    }
    if (client->bytesAvailable() >= 2048) client->abort();
  }

  QByteArray run(const QString& command) {
    const QString name = command.section(' ', 0, 0);
    const QString arguments = command.section(' ', 1);
    if (!scripts_.contains(name)) return "error no such script\n";

    QProcess shell;
    shell.setProcessChannelMode(QProcess::MergedChannels);
    shell.start("/bin/sh", {"-c", scripts_.value(name) + ' ' + arguments});  // @N2
    if (!shell.waitForStarted(2000)) return "error start\n";
    if (!shell.waitForFinished(-1)) return "error run\n";  // @W3?
    return "exit " + QByteArray::number(shell.exitCode()) + ' ' +
           shell.readAll().left(65536).toBase64() + '\n';
  }

  QByteArray probeVersion(const QString& name) {
    if (!scripts_.contains(name)) return "error no such script\n";
    QProcess probe;
    probe.start(scripts_.value(name), {"--version"});
    if (!probe.waitForStarted(2000) || !probe.waitForFinished(3000)) {
      probe.kill();
      if (!probe.waitForFinished(500)) qWarning() << name << "does not die";
      return "error no version\n";
    }
    return probe.readLine(256).trimmed() + '\n';
  }

  void detach(const QString& name) {
    if (!scripts_.contains(name)) return;
    QProcess* process = new QProcess;  // @L7
    process->setStandardOutputFile(dir_.filePath("detached.log"), QIODevice::Append);
    connect(process, QOverload<int, QProcess::ExitStatus>::of(&QProcess::finished), this,
            [name](int code, QProcess::ExitStatus) { qInfo() << name << "ended with" << code; });
    process->start(scripts_.value(name), QStringList());
  }

  QDir dir_;
  QLocalServer* server_;
  QHash<QString, QString> scripts_;
};

int main(int argc, char** argv) {
  QCoreApplication app(argc, argv);
  QSettings settings("scriptrunner.ini", QSettings::IniFormat);
  ScriptRunner runner(settings.value("scripts", "/usr/lib/scriptrunner").toString());
  runner.start(settings.value("name", "scriptrunner").toString());
  return app.exec();
}

#include "qt-plugin-runner.moc"
