using System.Data;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Data.SqlClient;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace Shop.Api;

[ApiController]
[Route("orders")]
public class OrdersController : ControllerBase
{
    private const string Table = "Orders";
    private const string Root = "/srv/orders";
    private readonly ShopContext _db;
    private readonly ILogger<OrdersController> _log;

    public OrdersController(ShopContext db, ILogger<OrdersController> log) => (_db, _log) = (db, log);

    [HttpGet("by-name")]
    public async Task<int> CountByName(SqlConnection connection, string name)
    {
        var sql = "SELECT COUNT(*) FROM Orders WHERE Name = '" + name + "'";
        await using var command = new SqlCommand(sql, connection);
        return (int)(await command.ExecuteScalarAsync() ?? 0);
    }

    [HttpGet("by-id")]
    public async Task<object?> ById(SqlConnection connection, int id)
    {
        await using var command = new SqlCommand($"SELECT Total FROM {Table} WHERE Id = @id", connection);
        command.Parameters.Add("@id", SqlDbType.Int).Value = id;
        return await command.ExecuteScalarAsync();
    }

    [HttpGet("open")]
    public async Task<IActionResult> Open(string region)
    {
        var rows = await _db.Orders.FromSqlRaw($"SELECT * FROM Orders WHERE Region = '{region}'").ToListAsync();
        return Ok(rows);
    }

    [HttpGet("closed")]
    public async Task<IActionResult> Closed(string region)
    {
        var rows = await _db.Orders.FromSqlInterpolated($"SELECT * FROM Orders WHERE Region = {region}").ToListAsync();
        return Ok(rows);
    }

    [HttpPost("print")]
    public IActionResult Print(string file)
    {
        Process.Start("/bin/sh", "-c \"lp " + file + "\"");
        return Accepted();
    }

    [HttpGet("file")]
    public IActionResult Download(string name) =>
        PhysicalFile(Path.Combine(Root, name), "application/pdf");

    [HttpGet("terms")]
    public IActionResult Terms() =>
        PhysicalFile(Path.Combine(Root, "terms.pdf"), "application/pdf");

    [HttpPost("login")]
    public void Remember(string id)
    {
        Response.Cookies.Append("sid", id, new CookieOptions { HttpOnly = false, Secure = false });
        _log.LogInformation("DELETE and Process.Start are only words here");
    }
}
