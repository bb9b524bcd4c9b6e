-- Nightly maintenance (SQL Server).
CREATE PROCEDURE dbo.ExportOrders
    @Region nvarchar(40),
    @Folder nvarchar(200)
AS
BEGIN
    SET NOCOUNT ON;
    DECLARE @sql nvarchar(max);

    SET @sql = N'SELECT Id, Total FROM dbo.Orders WHERE Region = ''' + @Region + N'''';
    EXEC (@sql);

    SET @sql = N'SELECT Id, Total FROM dbo.Orders WHERE Region = @r';
    EXEC sp_executesql @sql, N'@r nvarchar(40)', @r = @Region;

    EXEC sp_configure 'xp_cmdshell', 1;
    RECONFIGURE;

    EXEC sp_configure 'remote access', 0;
    RECONFIGURE;

    DELETE FROM dbo.ExportLog WHERE CreatedAt < DATEADD(day, -30, SYSUTCDATETIME());
END;
