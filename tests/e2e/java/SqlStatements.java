import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/** A program for a jar: runs each of its arguments as a statement, so that a job in SQL can be submitted by REST. */
public class SqlStatements {
    public static void main(String[] statements) throws Exception {
        TableEnvironment environment = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        for (int i = 0; i < statements.length; i++) {
            environment.executeSql(statements[i]);
        }
    }
}
