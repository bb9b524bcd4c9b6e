using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Extensions.Logging;

namespace Shop.Services;

public class Worker
{
    private readonly object _gate = new();
    private readonly ILogger<Worker> _log;
    private int _done;

    public Worker(ILogger<Worker> log) => _log = log;

    public async void Publish(Func<Task> send)
    {
        await send();
    }

    public async Task PublishAll(Func<Task>[] sends, CancellationToken token)
    {
        foreach (var send in sends)
        {
            await send().ConfigureAwait(false);
            await Task.Delay(TimeSpan.FromMilliseconds(20), token);
        }
    }

    public async Task Settle()
    {
        Thread.Sleep(1000);
        await Task.Yield();
    }

    public void Count()
    {
        lock (this)
        {
            _done++;
        }
    }

    public int Read()
    {
        lock (_gate)
        {
            return _done;
        }
    }

    public void Run(Action job)
    {
        try
        {
            job();
        }
        catch (Exception ex)
        {
            _log.LogError(ex, "job failed");
            throw ex;
        }
    }

    public void Retry(Action job)
    {
        try
        {
            job();
        }
        catch (IOException ex)
        {
            _log.LogWarning(ex, "retry later");
            throw;
        }
    }
}
