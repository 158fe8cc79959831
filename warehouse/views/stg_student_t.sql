-- stg_student_t: how wide is a 95 % interval of a mean, in standard errors?
-- grain: df
-- reads:
--   df       degrees of freedom, 1 to 10,000; for more the last row will do
--   t_97_5   97.5 % point of Student's t, within 0.002
create or replace view stg_student_t as
select
    df,
    -- A table up to 30; beyond, 1.96 + 2.5 / df is within 0.002 of it.
    case
        when df <= 30 then [
            12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
            2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
            2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042
        ][df]
        else 1.96 + 2.5 / df
    end as t_97_5
from range(1, 10001) as degrees (df);
