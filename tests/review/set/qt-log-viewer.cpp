// SPDX-License-Identifier: Apache-2.0
// defects:
// N1 a line of the peer is the format string
// N4 what read() brought is used as a C string, with no terminator
// E2 nextPendingConnection() may give a null pointer, which is used
// W1 the start waits for the collector for ever
// E5 in the same loop the outcome is not looked at
#include <QCoreApplication>
#include <QDebug>
#include <QFile>
#include <QLocalServer>
#include <QLocalSocket>
#include <QMap>
#include <QTextStream>
#include <QThread>

#include <cstdarg>
#include <cstdio>

static void say(const char *format, ...) Q_ATTRIBUTE_FORMAT_PRINTF(1, 2);

static void say(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    std::vfprintf(stdout, format, ap);
    va_end(ap);
    std::fputc('\n', stdout);
}

class Viewer : public QObject
{
    Q_OBJECT
public:
    explicit Viewer(QObject *parent = nullptr) : QObject(parent)
    {
        connect(&m_server, SIGNAL(newConnection()), this, SLOT(newSource()));
        connect(&m_collector, SIGNAL(readyRead()), this, SLOT(collectorData()));
        connect(&m_collector, SIGNAL(disconnected()), qApp, SLOT(quit()));
    }

    bool start(const QString &name)
    {
        if (!m_server.listen(name)) {
            qCritical().noquote() << m_server.errorString();
            return false;
        }
        return true;
    }

    void attach(const QString &collector)
    {
        while (m_collector.state() != QLocalSocket::ConnectedState) { // @W1 @E5?
            m_collector.connectToServer(collector); // @E5?
            m_collector.waitForConnected(1000); // @E5
            QThread::sleep(1);
        }
        m_collector.write("tail\n");
    }

private slots:
    void newSource()
    {
        QLocalSocket *source = m_server.nextPendingConnection(); // @E2?
        source->setReadBufferSize(8192); // @E2?
        connect(source, SIGNAL(readyRead()), this, SLOT(sourceData()));
        connect(source, SIGNAL(disconnected()), source, SLOT(deleteLater()));
        m_names[source] = "source";
        connect(source, &QObject::destroyed, this, [this](QObject *o) { m_names.remove(o); });
    }

    void sourceData()
    {
        QLocalSocket *source = qobject_cast<QLocalSocket *>(sender());
        if (!source)
            return;
        while (source->canReadLine()) {
            QByteArray line = source->readLine(8192).trimmed();
            if (line.startsWith("name ")) {
                m_names[source] = line.mid(5, 32);
                continue;
            }
            if (m_quiet.contains(m_names.value(source)))
                continue;
            std::printf("%-12s ", m_names.value(source).constData());
            say(line.constData()); // @N1
        }
        if (source->bytesAvailable() >= 8192)
            source->abort();
    }

    void collectorData()
    {
        char buf[2048];
        qint64 n;
        while ((n = m_collector.read(buf, sizeof buf)) > 0) { // @N4?
            const QString text = QString::fromUtf8(buf); // @N4
            QTextStream(stdout) << text;
            m_seen += n;
        }
    }

private:
    QMap<QObject *, QByteArray> m_names;
    QList<QByteArray> m_quiet;
    qint64 m_seen = 0;
    QLocalServer m_server;
    QLocalSocket m_collector;
};

int main(int argc, char *argv[])
{
    QCoreApplication app(argc, argv);
    const QStringList args = app.arguments();

    Viewer viewer;
    if (!viewer.start(args.value(1, QStringLiteral("logview"))))
        return 1;
    if (args.size() > 2)
        viewer.attach(args.at(2));
    return app.exec();
}

#include "qt-log-viewer.moc"
