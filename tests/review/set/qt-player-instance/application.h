// SPDX-License-Identifier: Apache-2.0
// defects: see application.cpp
#ifndef APPLICATION_H
#define APPLICATION_H

#include <QApplication>
#include <QStringList>
#include <QUrl>

class QLocalServer;
class MainWindow;

class Application : public QApplication
{
    Q_OBJECT
public:
    Application(int &argc, char **argv);
    ~Application();

    bool parseArgs();
    bool forwardToRunning();
    void startServer();
    void setWindow(MainWindow *window) { m_window = window; }

signals:
    void openRequested(const QList<QUrl> &urls);
    void raiseRequested();

private slots:
    void onNewConnection();

private:
    void dispatch(const QByteArray &json);

    QLocalServer *m_server;
    MainWindow *m_window;
    QStringList m_files;
};

#endif // APPLICATION_H
