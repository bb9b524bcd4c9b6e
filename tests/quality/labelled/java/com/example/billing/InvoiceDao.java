package com.example.billing;

import java.io.IOException;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

public class InvoiceDao {
    private static final Logger LOG = Logger.getLogger(InvoiceDao.class.getName());
    private static final String TABLE = "invoices";
    private final Connection connection;

    public InvoiceDao(Connection connection) {
        this.connection = connection;
    }

    public List<Long> byCustomer(String customer) throws SQLException {
        List<Long> ids = new ArrayList<>();
        String sql = "SELECT id FROM invoices WHERE customer = '" + customer + "'";
        try (Statement st = connection.createStatement(); ResultSet rs = st.executeQuery(sql)) {
            while (rs.next()) {
                ids.add(rs.getLong(1));
            }
        }
        return ids;
    }

    public BigDecimal total(long id) throws SQLException {
        String sql = "SELECT total FROM " + TABLE + " WHERE id = ?";
        try (PreparedStatement st = connection.prepareStatement(sql)) {
            st.setLong(1, id);
            try (ResultSet rs = st.executeQuery()) {
                return rs.next() ? rs.getBigDecimal(1) : BigDecimal.ZERO;
            }
        }
    }

    public BigDecimal taxRate() {
        return new BigDecimal(0.19);
    }

    public BigDecimal reducedRate() {
        return new BigDecimal("0.07");
    }

    public boolean isPaid(String status) {
        return status == "PAID";
    }

    public boolean isOpen(String status) {
        return "OPEN".equals(status);
    }

    public String cleanNumber(String number) {
        number.replace(" ", "");
        return number;
    }

    public Process print(String file) throws IOException {
        return Runtime.getRuntime().exec(new String[] {"sh", "-c", "lp " + file});
    }

    public void pause() {
        try {
            TimeUnit.SECONDS.sleep(1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            LOG.log(Level.FINE, "pause cut short", e);
        }
    }
}
